import ShipyardModel

/// What must be in place before a command, as the service sends it to a node.
package struct StagingManifest: Codable, Sendable, Hashable {
    package struct ApplicationPackage: Codable, Sendable, Hashable {
        package var id: String
        package var version: String
        /// Absolute path of a zip or tar file, or of a directory.
        package var archive: String
        /// Where it goes, below `applications/` of the node's root: `blender/2.8`.
        package var directory: String

        package init(id: String, version: String, archive: String, directory: String) {
            self.id = id
            self.version = version
            self.archive = archive
            self.directory = directory
        }
    }

    package struct ResourceFile: Codable, Sendable, Hashable {
        /// An absolute path, or an `http:`, `https:` or `file:` URL.
        package var source: BlobSource
        /// Relative to the working directory, which it never leaves.
        package var path: String
        /// Permission bits.
        package var mode: UInt16
        /// Of the content, in lower-case digits; nil where any will do.
        package var sha256: String?

        package init(source: BlobSource, path: String, mode: UInt16 = 0o770, sha256: String? = nil) {
            self.source = source
            self.path = path
            self.mode = mode
            self.sha256 = sha256
        }
    }

    package var applicationPackages: [ApplicationPackage] = []
    package var resourceFiles: [ResourceFile] = []

    package init(applicationPackages: [ApplicationPackage] = [], resourceFiles: [ResourceFile] = []) {
        self.applicationPackages = applicationPackages
        self.resourceFiles = resourceFiles
    }

    /// Either list may be missing, so that a manifest can be written by hand.
    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        applicationPackages =
            try fields.decodeIfPresent([ApplicationPackage].self, forKey: .applicationPackages) ?? []
        resourceFiles = try fields.decodeIfPresent([ResourceFile].self, forKey: .resourceFiles) ?? []
    }

    package var isEmpty: Bool { applicationPackages.isEmpty && resourceFiles.isEmpty }
}

/// The variables that tell a command where its application packages are.
package enum ApplicationPackageVariable {
    /// `AZ_BATCH_APP_PACKAGE_<id>_<version>`, or without the version for the default one. On Linux `.`, `-`
    /// and `#` become `_` and the case of letters is kept, as in Azure Batch.
    package static func name(id: String, version: String? = nil) -> String {
        let text = version.map { "\(id)_\($0)" } ?? id
        return "AZ_BATCH_APP_PACKAGE_" + String(text.map { ".-#".contains($0) ? "_" : $0 })
    }
}
