import ShipyardModel
import ShipyardSpecs
import ShipyardStaging

// What an agent must put in place before a command, as the manifest that `node-stage` reads.

extension ServiceCore {
    /// Nil when there is nothing to put in place, which spares a process.
    func staging(resourceFiles: [ResourceFileSpec], packages: [ApplicationPackageSpec] = []) -> String? {
        let manifest = StagingManifest(
            applicationPackages: packages.map {
                .init(id: $0.id, version: $0.version, archive: $0.path, directory: $0.directoryName)
            },
            resourceFiles: resourceFiles.map {
                .init(source: $0.blobSource, path: $0.filePath, mode: $0.fileMode, sha256: $0.sha256)
            })
        return manifest.isEmpty ? nil : jsonText(manifest)
    }
}

extension ApplicationPackageSpec {
    /// Below `applications/`; one directory for each version.
    var directoryName: String { "\(id)/\(version)" }

    /// The variables that name the package's directory: with its version, and without.
    var variableNames: [String] {
        [ApplicationPackageVariable.name(id: id, version: version), ApplicationPackageVariable.name(id: id)]
    }
}
