import ShipyardModel

/// Any store, in which some files are kept compressed. To whoever lists and reads a cool file is like any other; what is written is hot.
package final class TieredStore {
    let base: any FileStore
    let gauge: TransferGauge
    /// Whether there is anything that is not hot in a container: asked once, as mostly there is not.
    var known: (container: String, hasTiers: Bool)?
    private var listing: TierListing?

    init(_ base: any FileStore, _ gauge: TransferGauge) {
        self.base = base
        self.gauge = gauge
    }

    private func hasTiers(_ container: String) throws(FileStoreError) -> Bool {
        if let known, known.container == container { return known.hasTiers }
        let page = try base.list(
            container, prefix: BytePath(bytes: TierName.root.bytes + [UInt8(ascii: "/")]), after: nil,
            limit: 1)
        known = (container, !page.files.isEmpty)
        return !page.files.isEmpty
    }

    /// Where a file lies that is not hot. Of several the last one holds: a change of tier was interrupted.
    func place(of file: StorePath) throws(FileStoreError) -> TierName? {
        for tier in [StorageTier.cool, .archive] {
            if let found = try places(of: file, tier).last { return found }
        }
        return nil
    }

    private func places(of file: StorePath, _ tier: StorageTier) throws(FileStoreError) -> [TierName] {
        guard try hasTiers(file.container) else { return [] }
        let page = try base.list(
            file.container, prefix: TierName.start(of: file.name, tier), after: nil, limit: 100)
        let places = page.files.compactMap { TierName($0.name, tier) }
        return places.sorted { $0.modified < $1.modified }
    }

    private func refuseOwnName(_ file: StorePath) throws(FileStoreError) {
        guard TierName.isInside(file.name) else { return }
        throw FileStoreError(
            .invalidResourceName,
            "`\(file)` cannot be used: below `\(TierName.root)` the tiers of a container are kept")
    }

    /// A file has been written, so what there was in other tiers is of an earlier content.
    func forgetTiers(of file: StorePath, but kept: BytePath? = nil) throws(FileStoreError) {
        for tier in [StorageTier.cool, .archive] {
            for place in try places(of: file, tier) where place.path != kept {
                try base.remove(StorePath(file.container, place.path), identity: nil)
            }
        }
    }
}

extension TieredStore: FileStore {
    package var account: StorageAccount { base.account }
    package var rules: StoreRules { base.rules }

    package func containers() throws(FileStoreError) -> [String] { try base.containers() }
    package func makeContainer(_ container: String) throws(FileStoreError) {
        try base.makeContainer(container)
    }
    package func settle() throws(FileStoreError) { try base.settle() }

    package func makeFolder(_ folder: StorePath) throws(FileStoreError) {
        try refuseOwnName(folder)
        try base.makeFolder(folder)
    }

    package func list(
        _ container: String, prefix: BytePath, after: BytePath?, limit: Int
    ) throws(FileStoreError) -> FilePage {
        guard try hasTiers(container) else {
            return try base.list(container, prefix: prefix, after: after, limit: limit)
        }
        if listing?.goesOn(container, prefix, after) != true {
            listing = TierListing(base, container, prefix, after: after)
        }
        guard let listing else { return FilePage(files: [], next: nil) }
        return try listing.page(limit)
    }

    package func stat(_ file: StorePath) throws(FileStoreError) -> StoredFile? {
        guard !TierName.isInside(file.name) else { return nil }
        if let hot = try base.stat(file) { return hot }
        guard let place = try place(of: file),
            let kept = try base.stat(StorePath(file.container, place.path))
        else { return nil }
        return StoredFile(kept, at: place)
    }

    package func read(
        _ file: StorePath, range: Range<Int64>?, identity: String?, to target: ByteTarget
    ) throws(FileStoreError) {
        try refuseOwnName(file)
        do throws(FileStoreError) {
            return try base.read(file, range: range, identity: identity, to: target)
        } catch {
            guard error.code == .blobNotFound, let place = try place(of: file) else { throw error }
            guard place.tier != .archive else {
                throw FileStoreError(
                    .blobArchived, "\(file) of \(account.place) is archived",
                    help: "`data rehydrate \(account.alias)/\(file)` makes it readable")
            }
            try expand(place, in: file.container, range: range, identity: identity, to: target)
        }
    }

    package func write(
        _ file: StorePath, from source: ByteSource, _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        try refuseOwnName(file)
        if attributes.mustBeNew, try place(of: file) != nil {
            throw FileStoreError(.blobAlreadyExists, "\(file) is there already")
        }
        let written = try base.write(file, from: source, attributes)
        try forgetTiers(of: file)
        return written
    }

    package func beginParts(
        _ file: StorePath, _ attributes: FileAttributes
    ) throws(FileStoreError) -> PartialFile {
        try refuseOwnName(file)
        return try base.beginParts(file, attributes)
    }

    package func unfinishedParts(_ file: StorePath) throws(FileStoreError) -> PartialFile? {
        try base.unfinishedParts(file)
    }

    package func writePart(
        _ number: Int, of file: PartialFile, from source: ByteSource
    ) throws(FileStoreError) -> FilePart { try base.writePart(number, of: file, from: source) }

    package func finish(
        _ file: PartialFile, _ parts: [FilePart], _ attributes: FileAttributes
    ) throws(FileStoreError) -> StoredFile {
        let written = try base.finish(file, parts, attributes)
        try forgetTiers(of: file.path)
        return written
    }

    package func abandon(_ file: PartialFile) throws(FileStoreError) { try base.abandon(file) }

    /// What is kept compressed is copied as it is.
    package func copy(_ source: StorePath, to target: StorePath) throws(FileStoreError) -> StoredFile {
        try refuseOwnName(target)
        do throws(FileStoreError) {
            let copied = try base.copy(source, to: target)
            try forgetTiers(of: target)
            return copied
        } catch {
            guard error.code == .blobNotFound, let place = try place(of: source) else { throw error }
            var other = place
            other.name = target.name
            let kept = try base.copy(
                StorePath(source.container, place.path), to: StorePath(target.container, other.path))
            if known?.container == target.container { known?.hasTiers = true }
            // Last, since a hot one is what is read.
            try base.remove(target, identity: nil)
            return StoredFile(kept, at: other)
        }
    }

    package func remove(_ file: StorePath, identity: String?) throws(FileStoreError) {
        guard !TierName.isInside(file.name) else { return }
        if let identity, let place = try place(of: file), try base.stat(file) == nil {
            let kept = try base.stat(StorePath(file.container, place.path))
            guard kept == nil || kept?.identity == identity else {
                throw FileStoreError(
                    .conditionNotMet, "\(file) of \(account.place) has been changed meanwhile")
            }
        } else {
            try base.remove(file, identity: identity)
        }
        try forgetTiers(of: file)
    }

    package func setMetadata(_ metadata: [String: String], of file: StorePath) throws(FileStoreError) {
        if try base.stat(file) == nil, let place = try place(of: file) {
            return try base.setMetadata(metadata, of: StorePath(file.container, place.path))
        }
        try base.setMetadata(metadata, of: file)
    }
}
