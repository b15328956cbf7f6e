import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

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
            throw FileStoreError(
                .conditionNotMet, "\(file) of \(account.place) has been written anew since it was listed")
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
        attributes.sourceTime = attributes.metadata.removeValue(forKey: FileAttributes.sourceTimeName).flatMap
        { Int64($0) }
        let taken: Int64
        var kept: BytePath?
        if tier == .hot {
            attributes.md5 = md5
            taken = try base.writeWhole(file, stretch, attributes).size
        } else {
            let name = TierName(tier, file.name, size: present.size, modified: present.modified, md5: md5)
            taken = try keep(plain.number, file, name, attributes)
            kept = name.path
        }
        try base.settle()
        // The place that it had, and what interrupted changes have left of earlier contents.
        try forgetTiers(of: file, but: kept)
        if isHot { try base.remove(file, identity: present.identity) }
        try base.settle()
        return taken
    }

    private func keep(
        _ plain: Int32, _ file: StorePath, _ name: TierName, _ attributes: FileAttributes
    ) throws(FileStoreError) -> Int64 {
        let compressed = try compress(plain, count: name.size, level: name.tier.compressionLevel)
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
        guard proof.text() == name.md5 else {
            try base.remove(path, identity: nil)
            throw FileStoreError(
                .md5Mismatch, "\(file) did not come back from the \(name.tier.rawValue) tier as it was")
        }
        return stretch.count
    }

    private func compress(_ plain: Int32, count: Int64, level: Int32) throws(FileStoreError) -> FileDescriptor
    {
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
    func expand(
        _ place: TierName, in container: String, range: Range<Int64>?, identity: String?,
        to target: ByteTarget
    ) throws(FileStoreError) {
        let wanted = range.map { $0.clamped(to: 0..<place.size) } ?? 0..<place.size
        let expander = try Zstd.Expander()
        var position: Int64 = 0
        var problem: FileStoreError?
        var isDone = false
        func give(_ bytes: UnsafeRawBufferPointer) -> Bool {
            let here = position..<position + Int64(bytes.count)
            position = here.upperBound
            guard position <= place.size else {
                problem = FileStoreError(
                    .md5Mismatch, "\(place.path) is damaged: more is in it than its name says")
                return false
            }
            let part = wanted.clamped(to: here)
            if !part.isEmpty {
                let slice = UnsafeRawBufferPointer(
                    rebasing: bytes[
                        Int(part.lowerBound - here.lowerBound)..<Int(part.upperBound - here.lowerBound)])
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
            guard let number = writeAll(bytes, to: file, at: start + position) else { return nil }
            return FileStoreError(
                .localFile, "what was read cannot be written: \(String(cString: strerror(number)))")
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
            name: place.name, size: place.size, modified: place.modified, identity: kept.identity,
            md5: place.md5)
        metadata = kept.metadata
        tier = place.tier
        keptBytes = kept.size
    }
}
