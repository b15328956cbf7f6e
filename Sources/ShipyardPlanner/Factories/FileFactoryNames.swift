import ShipyardModel
import ShipyardSpecs

/// What a `file` factory tells a command about each file, and how the file comes to the task.
struct FileFactoryNames {
    let listing: FileListing
    private let spec: FileFactorySpec

    init(_ spec: FileFactorySpec, account: StorageAccount) {
        self.spec = spec
        let parts = spec.remotePath.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        listing = FileListing(
            account: account, container: String(parts[0]), prefix: parts.count > 1 ? String(parts[1]) : "",
            isFileShare: spec.isFileShare)
    }

    func item(for name: String, _ taskFilePath: FileFactorySpec.TaskFilePath) -> FactoryWalk.Item {
        let fileName = name.split(separator: "/").last.map(String.init) ?? name
        let stem = String(fileName.prefix { $0 != "." })
        let pathWithContainer = listing.container + "/" + name
        let placed =
            switch taskFilePath {
            case .fileName: fileName
            case .fileNameNoExtension: stem
            case .filePath: name
            case .filePathWithContainer: pathWithContainer
            }
        var transfer = StorageTransferSpec(
            storageAccountSettings: spec.storageAccountSettings.value, remotePath: pathWithContainer)
        // A name is no place for variables.
        transfer.localPath = "$AZ_BATCH_TASK_WORKING_DIR/" + ShellText.quoted(placed)
        transfer.isFileShare = listing.isFileShare
        // One file under a name of our choice, not a directory to put it into.
        transfer.blobxferExtraOptions = "--rename"
        return FactoryWalk.Item(
            arguments: FormatTemplate.Arguments(keywords: [
                ("url", listing.isFileShare ? .none : .str(url(of: name))),
                ("file_path_with_container", .str(pathWithContainer)), ("file_path", .str(name)),
                ("file_name", .str(fileName)), ("file_name_no_extension", .str(stem)),
            ]),
            transfer: transfer)
    }

    private func url(of name: String) -> String {
        var bytes = Array("\(listing.account.address)/\(listing.container)/".utf8)
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."),
                UInt8(ascii: "~"), UInt8(ascii: "/"):
                bytes.append(byte)
            default:
                bytes.append(UInt8(ascii: "%"))
                for digit in [byte >> 4, byte & 15] {
                    bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
                }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension StorageAccount {
    /// What a container's name is put behind. Batch Shipyard gives the address of Azure for every account.
    fileprivate var address: String {
        if let endpoint, endpoint.contains("://") {
            return endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        }
        if kind == .s3 { return "https://\(endpoint ?? "s3.\(region ?? "us-east-1").amazonaws.com")" }
        return "https://\(name).blob.\(endpoint ?? "core.windows.net")"
    }
}
