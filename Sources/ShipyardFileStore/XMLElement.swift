import CExpat

/// An element of an answer in XML, read by libexpat: what services list and how they refuse.
package final class XMLElement {
    package let name: String
    /// Of itself, not of what is in it.
    package fileprivate(set) var text = ""
    package fileprivate(set) var children: [XMLElement] = []
    package let attributes: [String: String]

    fileprivate init(_ name: String, _ attributes: [String: String]) {
        self.name = name
        self.attributes = attributes
    }

    /// The first child of this name.
    package subscript(_ name: String) -> XMLElement? { children.first { $0.name == name } }

    /// The text of the first child of this name.
    package func text(_ name: String) -> String? { self[name]?.text }

    package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// Names are without their namespace.
    package static func parse(_ bytes: [UInt8]) throws(FileStoreError) -> XMLElement {
        if let reason = loadError { throw FileStoreError(.libraryMissing, reason) }
        // Nothing that a service lists has one, and entities would change names.
        guard bytes.firstRange(of: Array("<!DOCTYPE".utf8)) == nil else {
            throw FileStoreError(.internalError, "the answer declares entities")
        }
        guard let parser = shipyard_expat_new() else {
            throw FileStoreError(.internalError, "there is no memory to read an answer")
        }
        defer { shipyard_expat_free(parser) }
        let reading = Reading()
        let isWhole = withExtendedLifetime(reading) {
            shipyard_expat_handle(
                parser, Unmanaged.passUnretained(reading).toOpaque(),
                { context, name, attributes in Reading.of(context)?.begin(name, attributes) },
                { context, _ in Reading.of(context)?.end() },
                { context, bytes, count in Reading.of(context)?.append(bytes, Int(count)) })
            return bytes.withUnsafeBytes { buffer in
                shipyard_expat_parse(
                    parser, buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                    Int32(clamping: buffer.count))
                    != 0
            }
        }
        guard isWhole, let root = reading.root else {
            let reason = shipyard_expat_reason(parser).map { String(cString: $0) } ?? "it is empty"
            throw FileStoreError(.internalError, "the answer is no XML: \(reason)")
        }
        return root
    }

    private static let loadError: String? = shipyard_expat_load_error().map {
        "\(String(cString: $0)); install the package libexpat1"
    }
}

/// The elements that are open while an answer is read.
private final class Reading {
    /// An answer that is deeper is none of a storage service.
    static let deepest = 100

    private(set) var root: XMLElement?
    private var open: [XMLElement] = []
    private var skipped = 0
    /// Of the innermost element, gathered as bytes: a letter may come in two pieces.
    private var text: [UInt8] = []

    static func of(_ context: UnsafeMutableRawPointer?) -> Reading? {
        context.map { Unmanaged<Reading>.fromOpaque($0).takeUnretainedValue() }
    }

    /// - Parameter attributes: names and values in turn, then NULL.
    func begin(
        _ name: UnsafePointer<CChar>?, _ attributes: UnsafeMutablePointer<UnsafePointer<CChar>?>?
    ) {
        guard let name, open.count < Self.deepest else { return skipped += 1 }
        let full = String(cString: name)
        var found: [String: String] = [:]
        var position = 0
        while let attributes, let name = attributes[position], let value = attributes[position + 1] {
            found[String(cString: name)] = String(cString: value)
            position += 2
        }
        let element = XMLElement(full.split(separator: ":").last.map(String.init) ?? full, found)
        open.last?.children.append(element)
        if root == nil { root = element }
        open.append(element)
        text.removeAll(keepingCapacity: true)
    }

    func append(_ bytes: UnsafePointer<CChar>?, _ count: Int) {
        text += UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count)
    }

    func end() {
        guard skipped == 0 else { return skipped -= 1 }
        guard let element = open.popLast() else { return }
        // Text beside elements is white space.
        if element.children.isEmpty { element.text = String(decoding: text, as: UTF8.self) }
        text.removeAll(keepingCapacity: true)
    }
}
