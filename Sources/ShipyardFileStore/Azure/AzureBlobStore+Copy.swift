import Glibc
import ShipyardHTTPClient
import ShipyardModel

extension AzureBlobStore {
    static let longestCopyPause: UInt32 = 5_000_000

    /// Within an account the service shares the blocks and is done when it answers; while it is not, the target is seen empty.
    package func copy(_ source: StorePath, to target: StorePath) throws(FileStoreError) -> StoredFile {
        try AzureNames.check(source, of: account)
        try AzureNames.check(target, of: account)
        var request = AzureRequest(.put, target)
        var place = endpoint.url(of: AzureRequest(.get, source))
        // The signature of the request covers the target alone.
        if case .sas(let sas) = credential { place += "?" + Self.text(sas) }
        request.headers = [HTTPHeader("x-ms-copy-source", place)]
        let response = try send { request }
        guard response.status == 202 || response.status == 201 else {
            var error = refusal(response, request)
            if error.code == .blobNotFound { error.message = "\(self.place(source)): there is no such file" }
            throw error
        }
        var status = response.header("x-ms-copy-status") ?? "success"
        var pause: UInt32 = 100_000
        while status == "pending" {
            if gauge.isCancelled {
                abortCopy(to: target, id: response.header("x-ms-copy-id") ?? "")
                throw FileStoreError.cancelled
            }
            usleep(pause)
            pause = min(pause * 2, Self.longestCopyPause)
            let answer = try send(AzureRequest(.head, target), expecting: 200)
            status = answer.header("x-ms-copy-status") ?? "success"
            if let reason = answer.header("x-ms-copy-status-description"), status != "pending",
                status != "success"
            {
                throw FileStoreError(.internalError, "\(self.place(target)): the copy has failed: \(reason)")
            }
        }
        guard status == "success", let stored = try stat(target) else {
            throw FileStoreError(.internalError, "\(self.place(target)): the copy has ended as \(status)")
        }
        return stored
    }

    /// It would go on by itself.
    private func abortCopy(to target: StorePath, id: String) {
        // The exchange sends nothing more for a gauge that was ended.
        guard let other = try? AzureBlobStore(self, TransferGauge()) else { return }
        var request = AzureRequest(.put, target)
        request.query = [("comp", "copy"), ("copyid", id)]
        request.headers = [HTTPHeader("x-ms-copy-action", "abort")]
        _ = try? other.send(request, expecting: 204)
    }
}
