import Foundation
import ShipyardFileStore
import ShipyardHTTPClient
import ShipyardModel

/// A blob service of our own, which verifies what it is asked: `azure_server.py`.
final class AzureServer {
    static let account = "devstoreaccount1"
    static let key =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    static let isThere = (try? AzureServer()) != nil

    let port: Int
    private let process = Process()
    private let input = Pipe()

    static func beside(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("StorageServers/\(name)").path
    }

    init() throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", Self.beside("azure_server.py"), "--port", "0"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), byte.first != 0x0A, !byte.isEmpty
        {
            line += byte
        }
        struct NoPort: Error {}
        guard let port = Int(String(decoding: line, as: UTF8.self)) else { throw NoPort() }
        self.port = port
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    var url: String { "http://127.0.0.1:\(port)/\(Self.account)" }

    func account(_ name: String = AzureServer.account) -> StorageAccount {
        var account = StorageAccount(.azureBlob, alias: "lake", name: name)
        account.endpoint = url
        return account
    }

    /// One connection by the account's key, or by what is given.
    func store(
        key: String? = AzureServer.key, sas: String? = nil, _ gauge: TransferGauge = TransferGauge()
    ) throws -> AzureBlobStore {
        let keys = StorageKeys(key: sas == nil ? key.map { Secret($0) } : nil, sas: sas.map { Secret($0) })
        return try AzureBlobStore(account(), keys, gauge)
    }

    /// JSON of what the server shall do from now on.
    func control(_ wish: String) throws {
        var request = OutgoingRequest(.put, "http://127.0.0.1:\(port)/_control", body: Array(wish.utf8))
        request.headers = [HTTPHeader("Content-Type", "application/json")]
        _ = try HTTPClient().send(request)
    }

    func forget() throws { try control(#"{"forget": true}"#) }

    struct Asked: Decodable, Hashable {
        var method: String
        var target: String
        var received: Int64
        var status: Int
    }

    /// What it was asked since it was told to forget.
    func asked() throws -> [Asked] {
        struct Answer: Decodable { var log: [Asked] }
        let response = try HTTPClient().send(OutgoingRequest(.get, "http://127.0.0.1:\(port)/_control"))
        return try JSONDecoder().decode(Answer.self, from: Data(response.body)).log
    }

    func asked(_ method: String, _ part: String = "") throws -> Int {
        try asked().filter { $0.method == method && (part.isEmpty || $0.target.contains(part)) }.count
    }
}

extension FileStore {
    /// All of a file, or a part of it.
    func bytes(_ path: StorePath, _ range: Range<Int64>? = nil, identity: String? = nil) throws -> [UInt8] {
        var all: [UInt8] = []
        try read(
            path, range: range, identity: identity,
            to: .receiver { bytes in
                all += bytes
                return true
            })
        return all
    }
}

/// A file that is gone when nobody has it open.
final class ScratchFile {
    let descriptor: Int32

    init(_ bytes: [UInt8] = []) throws {
        var name = Array("/tmp/shipyard-azure-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        unlink(name)
        try FileHandle(fileDescriptor: descriptor).write(contentsOf: Data(bytes))
    }

    deinit { close(descriptor) }

    var count: Int64 {
        var status = stat()
        fstat(descriptor, &status)
        return Int64(status.st_size)
    }

    func bytes() throws -> [UInt8] {
        var all = [UInt8](repeating: 0, count: Int(count))
        let got = pread(descriptor, &all, all.count, 0)
        return Array(all.prefix(max(0, got)))
    }

    func stretch(_ range: Range<Int64>? = nil) -> ByteSource {
        let range = range ?? 0..<count
        return .file(
            FileStretch(
                file: descriptor, offset: range.lowerBound, count: range.upperBound - range.lowerBound))
    }
}

/// Bytes that repeat nowhere near, so that no two stretches are alike.
func someBytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}

func failure(_ body: () throws -> Void) -> FileStoreError? {
    do { try body() } catch { return error as? FileStoreError }
    return nil
}
