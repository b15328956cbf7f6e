/// An entry of `global_resources: files`: what `data ingress` brings, and where to.
package struct IngressFileSpec: Sendable, Hashable {
    /// As written; relative to the config file.
    package var path: String
    package var include: [String] = []
    package var exclude: [String] = []
    package var relativeDestinationPath: String?
    package var sharedDataVolume: String?
    /// Alias of a storage account.
    package var storageAccountSettings: String?
    /// The container, then the path within it.
    package var remotePath: String?
    package var isFileShare = false
    package var blobxferExtraOptions: String?
    /// Of nodes: `scp` and others, all of which are copies here.
    package var method: String?

    package init(path: String) { self.path = path }
}

extension IngressFileSpec {
    init?(decoding fields: Fields) {
        guard let source = fields.fields("source"), let path = source.string("path") else { return nil }
        self.init(path: path)
        include = source.strings("include")
        exclude = source.strings("exclude")
        guard let destination = fields.fields("destination") else { return }
        relativeDestinationPath = destination.string("relative_destination_path")
        sharedDataVolume = destination.string("shared_data_volume")
        storageAccountSettings = destination.string("storage_account_settings")
        guard let transfer = destination.fields("data_transfer") else { return }
        method = transfer.string("method")
        remotePath = transfer.string("remote_path")
        isFileShare = transfer.bool("is_file_share") ?? false
        blobxferExtraOptions = transfer.string("blobxfer_extra_options")
    }
}
