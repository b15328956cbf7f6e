import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// Any store, in which some files are kept compressed. To whoever lists and reads a cool file is like any other; what is written is hot.
package final class TieredStore {
    private let base: any FileStore
    private let gauge: TransferGauge
    /// Whether there is anything that is not hot in a container: asked once, as mostly there is not.
    private var known: (container: String, hasTiers: Bool)?
    private var listing: TierListing?

    init(_ base: any FileStore, _ gauge: TransferGauge) {
        self.base = base
        self.gauge = gauge
    }

    private func hasTiers(_ container: String) throws(FileStoreError) -> Bool {
        if let known, known.container == container { return known.hasTiers }
        let page = try base.list(
            container, prefix: BytePath(bytes: TierName.root.bytes + [UInt8(ascii: "/")]), after: nil, limit: 1)
        known = (container, !page.files.isEmpty)
        return !page.files.isEmpty
    }

    /// Where a file lies that is not hot. Of several the last one holds: a change of tier was interrupted.
    private func place(of file: StorePath) throws(FileStoreError) -> TierName? {
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
            .invalidResourceName, "`\(file)` cannot be used: below `\(TierName.root)` the tiers of a container are kept")
    }

    /// A file has been written, so what there was in other tiers is of an earlier content.
    private func forgetTiers(of file: StorePath) throws(FileStoreError) {
        for tier in [StorageTier.cool, .archive] {
            for place in try places(of: file, tier) {
                try base.remove(StorePath(file.container, place.path), identity: nil)
            }
        }
    }
}

extension TieredStore: FileStore {
    package var account: StorageAccount { base.account }
    package var rules: StoreRules { base.rules }

    package func containers() throws(FileStoreError) -> [String] { try base.containers() }
    package func makeContainer(_ container: String) throws(FileStoreError) { try base.makeContainer(container) }
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
                throw FileStoreError(.conditionNotMet, "\(file) of \(account.place) has been changed meanwhile")
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

// MARK: - From tier to tier

extension TieredStore {
    /// The tier of a file; nil where there is none.
    package func tier(of file: StorePath) throws(FileStoreError) -> StorageTier? {
        if try base.stat(file) != nil { return .hot }
        return try place(of: file)?.tier
    }

    package func changeTier(
        of file: StorePath, to tier: StorageTier, identity: String?
    ) throws(FileStoreError) -> Int64 {
        guard let present = try stat(file) else {
            throw FileStoreError(.blobNotFound, "there is no file \(file) in \(account.place)")
        }
        guard identity == nil || identity == present.identity else {
            throw FileStoreError(.conditionNotMet, "\(file) of \(account.place) has been written anew since it was listed")
        }
        let isHot = try base.stat(file) != nil
        let place = isHot ? nil : try self.place(of: file)
        guard (place?.tier ?? .hot) != tier else {
            // What an interrupted change has left.
            if isHot { try forgetTiers(of: file) }
            return present.keptBytes ?? present.size
        }
        let plain = try temporaryFile()
        if let place {
            try expand(place, in: file.container, range: nil, identity: nil, to: .file(plain.number, at: 0))
        } else {
            try base.read(file, range: nil, identity: present.identity, to: .file(plain.number, at: 0))
        }
        let stretch = FileStretch(file: plain.number, offset: 0, count: present.size)
        let md5 = hexadecimalText(try Digest.of(stretch, .md5))
        guard present.md5 == nil || present.md5 == md5 else {
            throw FileStoreError(.md5Mismatch, "\(file) of \(account.place) was not read as it was written")
        }
        var attributes = FileAttributes()
        attributes.metadata = present.metadata
        attributes.metadata[FileAttributes.md5Name] = nil
        attributes.sourceTime = attributes.metadata.removeValue(forKey: FileAttributes.sourceTimeName).flatMap { Int64($0) }
        let taken: Int64
        if tier == .hot {
            attributes.md5 = md5
            taken = try base.writeWhole(file, stretch, attributes).size
        } else {
            taken = try keep(plain.number, file, tier, present, md5, attributes)
        }
        try base.settle()
        if let place { try base.remove(StorePath(file.container, place.path), identity: nil) }
        if isHot { try base.remove(file, identity: present.identity) }
        try base.settle()
        return taken
    }

    private func keep(
        _ plain: Int32, _ file: StorePath, _ tier: StorageTier, _ present: StoredFile, _ md5: String,
        _ attributes: FileAttributes
    ) throws(FileStoreError) -> Int64 {
        let name = TierName(tier, file.name, size: present.size, modified: present.modified, md5: md5)
        let compressed = try compress(plain, count: present.size, level: tier.compressionLevel)
        var status = Glibc.stat()
        guard fstat(compressed.number, &status) == 0 else {
            throw FileStoreError(.localFile, "a compressed file cannot be looked at")
        }
        let path = StorePath(file.container, name.path)
        let stretch = FileStretch(file: compressed.number, offset: 0, count: Int64(status.st_size))
        _ = try base.writeWhole(path, stretch, attributes)
        known = (file.container, true)
        // Read again from where it lies now: only then may the original go.
        let proof = try MD5Receiver()
        try expand(
            name, in: file.container, range: nil, identity: nil,
            to: .receiver { bytes in
                proof.add(bytes)
                return true
            })
        guard proof.text() == md5 else {
            try base.remove(path, identity: nil)
            throw FileStoreError(.md5Mismatch, "\(file) did not come back from the \(tier.rawValue) tier as it was")
        }
        return stretch.count
    }

    private func compress(_ plain: Int32, count: Int64, level: Int32) throws(FileStoreError) -> FileDescriptor {
        let target = try temporaryFile()
        let number = target.number
        let compressor = try Zstd.Compressor(level: level)
        let gauge = gauge
        var failure: FileStoreError?
        func give(_ bytes: UnsafeRawBufferPointer) -> Bool {
            guard let error = writeAll(bytes, to: number) else { return true }
            failure = FileStoreError(
                .localFile, "a compressed file cannot be written: \(String(cString: strerror(error)))")
            return false
        }
        do throws(FileStoreError) {
            try ByteCopy(TransferGauge(), "a file").copy(
                FileStretch(file: plain, offset: 0, count: count),
                to: .receiver { bytes in
                    do throws(FileStoreError) { try compressor.add(bytes, give) } catch {
                        failure = failure ?? error
                        return false
                    }
                    return !gauge.isCancelled
                })
        } catch {
            throw failure ?? error
        }
        try compressor.add(UnsafeRawBufferPointer(start: nil, count: 0), isEnd: true, give)
        return target
    }

    /// From the beginning, whatever the range: a frame has no other entrance.
    private func expand(
        _ place: TierName, in container: String, range: Range<Int64>?, identity: String?, to target: ByteTarget
    ) throws(FileStoreError) {
        let wanted = range.map { $0.clamped(to: 0..<place.size) } ?? 0..<place.size
        let expander = try Zstd.Expander()
        var position: Int64 = 0
        var problem: FileStoreError?
        var isDone = false
        func give(_ bytes: UnsafeRawBufferPointer) -> Bool {
            let here = position..<position + Int64(bytes.count)
            position = here.upperBound
            let part = wanted.clamped(to: here)
            if !part.isEmpty {
                let slice = UnsafeRawBufferPointer(
                    rebasing: bytes[Int(part.lowerBound - here.lowerBound)..<Int(part.upperBound - here.lowerBound)])
                if let error = deliver(slice, at: part.lowerBound - wanted.lowerBound, to: target) {
                    problem = error
                    return false
                }
            }
            isDone = range != nil && position >= wanted.upperBound
            return !isDone
        }
        let path = StorePath(container, place.path)
        do throws(FileStoreError) {
            try base.read(
                path, range: nil, identity: identity,
                to: .receiver { bytes in
                    switch expander.add(bytes, give) {
                    case .success: return true
                    case .failure(.stopped): return false
                    case .failure(.broken(let reason)):
                        problem = FileStoreError(.md5Mismatch, "\(path) is damaged: \(reason)")
                        return false
                    }
                })
        } catch {
            if let problem { throw problem }
            if !isDone { throw error }
        }
        guard isDone || expander.isAtEnd && position == place.size else {
            throw FileStoreError(.md5Mismatch, "\(path) is damaged: it ends too early")
        }
    }

    private func deliver(
        _ bytes: UnsafeRawBufferPointer, at position: Int64, to target: ByteTarget
    ) -> FileStoreError? {
        switch target {
        case .receiver(let receive): return receive(bytes) ? nil : .cancelled
        case .file(let file, let start):
            var rest = bytes[...]
            var position = start + position
            while !rest.isEmpty {
                let slice = UnsafeRawBufferPointer(rebasing: rest)
                let count = pwrite(file, slice.baseAddress, slice.count, off_t(position))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    return FileStoreError(.localFile, "what was read cannot be written: \(String(cString: strerror(errno)))")
                }
                rest = rest.dropFirst(count)
                position += Int64(count)
            }
            return nil
        }
    }
}

/// Hashes what it is given.
private final class MD5Receiver {
    private var digest: Digest?

    init() throws(FileStoreError) { digest = try Digest(.md5) }

    func add(_ piece: UnsafeRawBufferPointer) { digest?.update(piece) }

    func text() -> String { digest.take()?.hexadecimal() ?? "" }
}

extension StoredFile {
    /// As it was before it was compressed.
    init(_ kept: StoredFile, at place: TierName) {
        self.init(
            name: place.name, size: place.size, modified: place.modified, identity: kept.identity, md5: place.md5)
        metadata = kept.metadata
        tier = place.tier
        keptBytes = kept.size
    }
}
