import CCurl

/// Owner of one libcurl handle, which keeps its connections open from request to request.
struct CurlHandle: ~Copyable {
    let raw: OpaquePointer

    init() throws(HTTPError) {
        if let reason = Self.loadError {
            throw HTTPError(kind: .libraryMissing, place: "libcurl", message: reason)
        }
        guard let handle = shipyard_curl_new() else {
            throw HTTPError(kind: .other, place: "libcurl", message: "out of memory")
        }
        raw = OpaquePointer(handle)
    }

    deinit { shipyard_curl_free(pointer) }

    var pointer: UnsafeMutableRawPointer { UnsafeMutableRawPointer(raw) }

    /// A lazy global: the library is set up once, before any handle is made, on whichever thread comes first.
    private static let loadError: String? = {
        if let reason = shipyard_curl_load_error() {
            return "\(String(cString: reason)); install the package libcurl4"
        }
        return shipyard_curl_global_init() == CURLE_OK ? nil : "libcurl could not be set up"
    }()
}

/// Owner of a list of header lines.
struct CurlList: ~Copyable {
    private(set) var pointer: UnsafeMutablePointer<curl_slist>?

    mutating func append(_ text: String) {
        // Nil only when memory has run out; the list is then as it was.
        if let longer = shipyard_curl_append(pointer, text) { pointer = longer }
    }

    deinit { if let pointer { shipyard_curl_free_list(pointer) } }
}
