import Glibc
import ShipyardHTTPClient
import ShipyardModel
import ShipyardSystem

/// What one connection of a transfer does: it has stores of its own.
final class TransferHand {
    enum Beginning {
        case same, moved
        /// The parts that are still to be moved; at least one.
        case parts(FileInParts, [Int])
    }

    let transfer: Transfer
    let source: (any FileStore)?
    let target: (any FileStore)?
    let sourceContainer: String
    let targetContainer: String

    init(_ transfer: Transfer) throws(FileStoreError) {
        self.transfer = transfer
        (source, sourceContainer) = try Self.open(transfer.from, transfer.gauge)
        (target, targetContainer) = try Self.open(transfer.to, transfer.gauge)
    }

    private static func open(
        _ end: TransferEnd, _ gauge: TransferGauge
    ) throws(FileStoreError) -> ((any FileStore)?, String) {
        switch end {
        case .local: (nil, "")
        case .store(let access, let container): (try access.open(gauge), container)
        }
    }

    /// At the same time, for the slower of the two ends.
    var connections: Int {
        max(source?.rules.connections ?? 1, target?.rules.connections ?? 1)
    }

    func settle() throws(FileStoreError) { try target?.settle() }

    func begin(_ item: TransferItem) throws(FileStoreError) -> Beginning {
        switch (transfer.from, transfer.to) {
        case (.local(let root), .store): try upload(item, from: root)
        case (.store, .local(let root)): try download(item, to: root)
        case (.store(let from, _), .store(let to, _)): try copy(item, isWithin: from.account == to.account)
        case (.local(let from), .local(let to)): try copy(item, from, to)
        }
    }

    func move(_ part: PartWork) throws(FileStoreError) -> Bool {
        let file = part.file
        let range = file.range(of: part.number)
        if let download = file.download {
            guard let source else { invariantFailure("a part has a source") }
            try source.read(
                StorePath(sourceContainer, file.item.source), range: range, identity: file.stored?.identity,
                to: .file(download.number, at: range.lowerBound))
            var hash: [UInt8]?
            if file.stored?.partsHash?.partBytes == file.partBytes {
                hash = try Digest.of(
                    FileStretch(
                        file: download.number, offset: range.lowerBound, count: range.upperBound - range.lowerBound),
                    .sha256)
            }
            download.note(part.number)
            return file.partHasArrived(part.number, hash)
        }
        guard let upload = file.upload, let target else { invariantFailure("a file in parts goes nowhere") }
        let stretch = FileStretch(
            file: file.source, offset: range.lowerBound, count: range.upperBound - range.lowerBound)
        do throws(FileStoreError) {
            return file.partIsSent(try target.writePart(part.number, of: upload, from: .file(stretch)))
        } catch {
            // The hashes were computed before.
            if error.code == .md5Mismatch {
                try checkUnchanged(file.source, file.size, file.attributes.sourceTime, file.item)
            }
            // Some services take no part a second time.
            guard file.isResumed, error.code == .unsupported else { throw error }
            try? target.abandon(upload)
            throw FileStoreError(
                error.code, "what an interrupted run has sent cannot be gone on with: \(error.message)",
                help: "it was given up, and the same command begins anew")
        }
    }

    func finish(_ file: FileInParts) throws(FileStoreError) {
        if let download = file.download {
            try check(file, download)
            try download.finish(
                as: file.item.target, modified: file.stored?.modified ?? Instant(milliseconds: 0),
                isNew: !transfer.options.overwrites)
        } else if let upload = file.upload, let target {
            try checkUnchanged(file.source, file.size, file.attributes.sourceTime, file.item)
            try checkContent(file)
            _ = try target.finish(upload, file.parts, file.attributes)
            // Metadata of a store that takes them at the beginning are those of the run that began it, when the file may have been another
            // one. What a service has not kept is not wrong.
            if file.isResumed, let known = try target.stat(upload.path),
                areOfDifferentContents(known.partsHash, file.attributes.partsHash)
                    || areOfDifferentContents(known.md5, file.attributes.md5)
            {
                try target.setMetadata(file.attributes.allMetadata, of: upload.path)
            }
        }
    }

    // MARK: from this machine to a store

    private func upload(_ item: TransferItem, from root: LocalRoot) throws(FileStoreError) -> Beginning {
        guard let target else { invariantFailure("an upload has a target") }
        let opened = try root.open(item.source)
        guard let status = FileStatus(of: BytePath(""), in: opened.number) else {
            throw FileStoreError(.localFile, "\(root.path)/\(item.source) cannot be looked at")
        }
        let (size, time) = (status.version.size, status.version.modified)
        if try isSame(item, size: size, time: time, opened.number, target) { return .same }
        let path = StorePath(targetContainer, item.target)
        guard size > target.rules.largestWhole else {
            let stretch = FileStretch(file: opened.number, offset: 0, count: size)
            _ = try target.write(path, from: .file(stretch), attributes(time))
            try checkUnchanged(opened.number, size, time, item)
            return .moved
        }
        let partBytes = target.rules.partBytes(ofFile: size)
        var attributes = attributes(time)
        // Read once before: a store has no hash of parts that are put together, and a large file needs one most.
        var hashes: [[UInt8]] = []
        if target.rules.keepsPartsHash {
            hashes = try PartsHash.hashes(of: opened.number, size: size, partBytes: partBytes, transfer.gauge)
            attributes.partsHash = try PartsHash(partBytes: partBytes, of: hashes)
        } else {
            attributes.md5 = try md5(of: FileStretch(file: opened.number, offset: 0, count: size))
        }
        var upload = try target.unfinishedParts(path)
        let done =
            try upload.map { upload throws(FileStoreError) in
                try arrived(upload, opened.number, size, partBytes, hashes)
            } ?? []
        if let unfinished = upload, done.isEmpty {
            try target.abandon(unfinished)
            upload = nil
        }
        var begun = if let upload { upload } else { try target.beginParts(path, attributes) }
        begun.sha256 = hashes
        let count = PartsHash.count(size, partBytes)
        let numbers = Set(1...count).subtracting(done.map(\.number)).sorted()
        let file = FileInParts(
            item, size: size, partBytes: partBytes, left: numbers.count, source: opened.release(),
            sourceChanged: status.changed, attributes: attributes, upload: begun, done: done)
        guard numbers.isEmpty else { return .parts(file, numbers) }
        // All there already.
        try finish(file)
        return .moved
    }

    /// The parts of an earlier run that hold what this file has there.
    private func arrived(
        _ upload: PartialFile, _ file: Int32, _ size: Int64, _ partBytes: Int64, _ hashes: [[UInt8]]
    ) throws(FileStoreError) -> [FilePart] {
        var same: [FilePart] = []
        for part in upload.parts {
            let start = Int64(part.number - 1) * partBytes
            guard part.number > 0, start < size, part.size == min(partBytes, size - start) else { continue }
            if let sha256 = part.sha256, !hashes.isEmpty {
                if sha256 == base64Text(hashes[part.number - 1]) { same.append(part) }
            } else if let md5 = part.md5 {
                let stretch = FileStretch(file: file, offset: start, count: part.size)
                if try self.md5(of: stretch) == md5 { same.append(part) }
            }
        }
        return same
    }

    /// Whether the store has this content already.
    func isSame(
        _ item: TransferItem, size: Int64, time: Int64, _ file: Int32, _ target: any FileStore
    ) throws(FileStoreError) -> Bool {
        guard transfer.options.skipsSame || !transfer.options.overwrites else { return false }
        var known: StoredFile?
        switch item.present {
        case .absent: return false
        case .file(let present): known = present
        case .unknown: known = try target.stat(StorePath(targetContainer, item.target))
        }
        guard var known else { return false }
        try refuseOverwriting(item)
        guard known.size == size else { return false }
        // A listing has neither metadata nor the hash of a file in parts.
        if case .file = item.present, known.md5 == nil, known.metadata.isEmpty,
            let whole = try target.stat(StorePath(targetContainer, item.target)), whole.size == size
        {
            known = whole
        }
        if let md5 = known.md5 {
            return try self.md5(of: FileStretch(file: file, offset: 0, count: size)) == md5
        }
        if let hash = known.partsHash {
            return try partsHash(file, size, hash.partBytes) == hash
        }
        return known.metadata[FileAttributes.sourceTimeName] == String(time)
    }

    private func refuseOverwriting(_ item: TransferItem) throws(FileStoreError) {
        guard !transfer.options.overwrites else { return }
        throw FileStoreError(.blobAlreadyExists, "\(item.target) is there already")
    }

    /// Two halves of different files must not pass for one.
    private func checkUnchanged(
        _ file: Int32, _ size: Int64, _ time: Int64?, _ item: TransferItem
    ) throws(FileStoreError) {
        let status = FileStatus(of: BytePath(""), in: file)
        guard status?.version.size == size, time == nil || status?.version.modified == time else {
            throw FileStoreError.sourceHasChanged(item.target.description)
        }
    }

    /// A time can be set back. Where anything at all has changed, if only the name, the hash tells whether it was the content.
    private func checkContent(_ file: FileInParts) throws(FileStoreError) {
        guard let hash = file.attributes.partsHash, let changed = file.sourceChanged,
            FileStatus(of: BytePath(""), in: file.source)?.changed != changed
        else { return }
        guard try partsHash(file.source, file.size, hash.partBytes) == hash else {
            throw FileStoreError.sourceHasChanged(file.item.target.description)
        }
    }

    private func attributes(_ time: Int64?) -> FileAttributes {
        var attributes = FileAttributes()
        attributes.sourceTime = time
        attributes.comparesSource = time != nil
        attributes.mustBeNew = !transfer.options.overwrites
        return attributes
    }

    // MARK: from a store to this machine

    private func download(_ item: TransferItem, to root: LocalRoot) throws(FileStoreError) -> Beginning {
        guard let source else { invariantFailure("a download has a source") }
        let path = StorePath(sourceContainer, item.source)
        guard let stored = try source.stat(path) else {
            throw FileStoreError(.blobNotFound, "there is no file \(path) in \(source.account.place)")
        }
        try checkIdentity(stored, item, path)
        if let local = root.stat(item.target) {
            try refuseOverwriting(item)
            if transfer.options.skipsSame, local.isSame(as: stored, of: source) { return .same }
        }
        // A part that has a hash can be hashed when it has just arrived.
        var partBytes = source.rules.partBytes
        if source.rules.keepsPartsHash, let hashed = stored.partsHash?.partBytes,
            (partBytes...64 * partBytes).contains(hashed)
        {
            partBytes = hashed
        }
        let isWhole = stored.size <= partBytes || source.rules.largestWhole == .max
        let key =
            "\(source.account.place)\0\(path)\0\(stored.identity)\0\(stored.size)\0\(partBytes)\0\(item.target)"
        let download = try PartialDownload(item.target, in: root, key: isWhole ? nil : key)
        try download.reserve(stored.size)
        guard !isWhole else {
            // No more than was declared: a service must not fill the disk.
            try source.read(
                path, range: 0..<stored.size, identity: stored.identity, to: .file(download.number, at: 0))
            if source.rules.largestWhole < .max {
                let stretch = FileStretch(file: download.number, offset: 0, count: stored.size)
                if stored.md5 != nil {
                    try checkHash(md5(of: stretch), of: stored)
                } else if let hash = stored.partsHash {
                    try checkHash(partsHash(download.number, stored.size, hash.partBytes), hash, of: stored)
                }
            }
            try download.finish(
                as: item.target, modified: stored.modified, isNew: !transfer.options.overwrites)
            return .moved
        }
        let count = PartsHash.count(stored.size, partBytes)
        let numbers = Set(1...count).subtracting(download.arrived).sorted()
        let file = FileInParts(
            item, size: stored.size, partBytes: partBytes, left: numbers.count, stored: stored,
            download: download)
        guard numbers.isEmpty else { return .parts(file, numbers) }
        try finish(file)
        return .moved
    }

    private func checkIdentity(
        _ stored: StoredFile, _ item: TransferItem, _ path: StorePath
    ) throws(FileStoreError) {
        guard let identity = item.identity, identity != stored.identity else { return }
        throw FileStoreError(.conditionNotMet, "\(path) has been written anew since it was listed")
    }

    /// Where the store knows the hash, what lies here must have it.
    private func check(_ file: FileInParts, _ download: PartialDownload) throws(FileStoreError) {
        guard let stored = file.stored else { return }
        do throws(FileStoreError) {
            if stored.md5 != nil {
                try checkHash(md5(of: FileStretch(file: download.number, offset: 0, count: file.size)), of: stored)
            } else if let hash = stored.partsHash {
                try checkHash(partsHash(file, download, hash.partBytes), hash, of: stored)
            }
        } catch {
            download.forget()
            throw error
        }
    }

    private func partsHash(
        _ file: FileInParts, _ download: PartialDownload, _ partBytes: Int64
    ) throws(FileStoreError) -> PartsHash {
        guard partBytes == file.partBytes else {
            return try partsHash(download.number, file.size, partBytes)
        }
        var hashes: [[UInt8]] = []
        for number in 1...PartsHash.count(file.size, file.partBytes) {
            let range = file.range(of: number)
            let stretch = FileStretch(
                file: download.number, offset: range.lowerBound, count: range.upperBound - range.lowerBound)
            // Not known is what an earlier run has brought.
            let hash = if let known = file.hash(ofPart: number) { known } else { try Digest.of(stretch, .sha256) }
            hashes.append(hash)
        }
        return try PartsHash(partBytes: file.partBytes, of: hashes)
    }

    // MARK: between stores

    private func copy(_ item: TransferItem, isWithin: Bool) throws(FileStoreError) -> Beginning {
        guard let source, let target else { invariantFailure("a copy has two stores") }
        let (from, to) = (StorePath(sourceContainer, item.source), StorePath(targetContainer, item.target))
        guard let stored = try source.stat(from) else {
            throw FileStoreError(.blobNotFound, "there is no file \(from) in \(source.account.place)")
        }
        try checkIdentity(stored, item, from)
        if let known = try target.stat(to) {
            try refuseOverwriting(item)
            if transfer.options.skipsSame, isSame(stored, known) { return .same }
        }
        if isWithin {
            _ = try source.copy(from, to: to)
            return .moved
        }
        var attributes = FileAttributes()
        attributes.metadata = stored.metadata
        attributes.metadata[FileAttributes.md5Name] = nil
        attributes.sourceTime =
            attributes.metadata.removeValue(forKey: FileAttributes.sourceTimeName).flatMap { Int64($0) }
            ?? stored.modified.milliseconds * 1_000_000
        attributes.mustBeNew = !transfer.options.overwrites
        // A small one is held in memory: what a store takes in one piece may be more than that.
        let partBytes = min(target.rules.partBytes(ofFile: stored.size), 64 << 20)
        if stored.size <= min(partBytes, target.rules.largestWhole) {
            let content = try bytes(of: from, stored)
            attributes.md5 = hexadecimalText(try Digest.of(content, .md5))
            try checkHash(attributes.md5, of: stored)
            _ = try target.write(to, from: .bytes(content), attributes)
            return .moved
        }
        return try copyThroughFile(stored, from, to, attributes)
    }

    func isSame(_ source: StoredFile, _ target: StoredFile) -> Bool {
        guard source.size == target.size else { return false }
        if let (left, right) = both(source.md5, target.md5) { return left == right }
        if let (left, right) = both(source.partsHash, target.partsHash), left.partBytes == right.partBytes {
            return left == right
        }
        let time =
            source.metadata[FileAttributes.sourceTimeName] ?? String(source.modified.milliseconds * 1_000_000)
        return time == target.metadata[FileAttributes.sourceTimeName]
    }

    private func both<Value>(_ left: Value?, _ right: Value?) -> (Value, Value)? {
        guard let left, let right else { return nil }
        return (left, right)
    }

    /// A large file comes by way of one without a name, so that it is proved before anybody may delete its source.
    private func copyThroughFile(
        _ stored: StoredFile, _ from: StorePath, _ to: StorePath, _ attributes: FileAttributes
    ) throws(FileStoreError) -> Beginning {
        guard let source, let target else { invariantFailure("a copy has two stores") }
        let file = try temporaryFile()
        do throws(FileStoreError) {
            try source.read(from, range: nil, identity: stored.identity, to: .file(file.number, at: 0))
        } catch {
            guard [.localFile, .insufficientSpace].contains(error.code) else { throw error }
            throw FileStoreError(
                .localFile, "\(from) cannot be kept on its way in \(temporaryDirectory): \(error.message)",
                help: "TMPDIR may name another directory")
        }
        let stretch = FileStretch(file: file.number, offset: 0, count: stored.size)
        var attributes = attributes
        if let known = stored.partsHash {
            try checkHash(partsHash(file.number, stored.size, known.partBytes), known, of: stored)
        }
        if target.rules.keepsPartsHash, stretch.count > target.rules.largestWhole {
            let partBytes = target.rules.partBytes(ofFile: stored.size)
            let known = stored.partsHash.flatMap { $0.partBytes == partBytes ? $0 : nil }
            attributes.partsHash =
                if let known { known } else { try partsHash(file.number, stored.size, partBytes) }
        }
        if attributes.partsHash == nil || stored.md5 != nil {
            let md5 = try md5(of: stretch)
            try checkHash(md5, of: stored)
            if attributes.partsHash == nil { attributes.md5 = md5 }
        }
        _ = try target.writeWhole(to, stretch, attributes)
        return .moved
    }

    private func checkHash(_ md5: String?, of stored: StoredFile) throws(FileStoreError) {
        guard let known = stored.md5, known != md5 else { return }
        throw Self.differs("MD5 \(md5 ?? "unknown"), not \(known)", stored)
    }

    private func checkHash(
        _ hash: PartsHash, _ known: PartsHash, of stored: StoredFile
    ) throws(FileStoreError) {
        if hash != known { throw Self.differs("hash of its parts \(hash.digits), not \(known.digits)", stored) }
    }

    private static func differs(_ fact: String, _ stored: StoredFile) -> FileStoreError {
        FileStoreError(.md5Mismatch, "\(stored.name) has arrived with another content than the store has: \(fact)")
    }

    private func bytes(of path: StorePath, _ stored: StoredFile) throws(FileStoreError) -> [UInt8] {
        guard let source else { invariantFailure("a copy has a source") }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(stored.size))
        try source.read(
            path, range: 0..<stored.size, identity: stored.identity,
            to: .receiver { piece in
                bytes.append(contentsOf: piece)
                return true
            })
        return bytes
    }

    private func copy(_ item: TransferItem, _ from: LocalRoot, _ to: LocalRoot) throws(FileStoreError)
        -> Beginning
    {
        let opened = try from.open(item.source)
        guard let status = FileStatus(of: BytePath(""), in: opened.number) else {
            throw FileStoreError(.localFile, "\(from.path)/\(item.source) cannot be looked at")
        }
        if let local = to.stat(item.target) {
            try refuseOverwriting(item)
            if transfer.options.skipsSame, local.size == status.version.size,
                local.modified / 1_000_000 == status.version.modified / 1_000_000
            {
                return .same
            }
        }
        let download = try PartialDownload(item.target, in: to, key: nil)
        try ByteCopy(transfer.gauge, item.source.description).copy(
            FileStretch(file: opened.number, offset: 0, count: status.version.size),
            to: .file(download.number, at: 0))
        try checkUnchanged(opened.number, status.version.size, status.version.modified, item)
        try download.finish(
            as: item.target, modified: Instant(milliseconds: status.version.modified / 1_000_000),
            isNew: !transfer.options.overwrites)
        return .moved
    }

    private func partsHash(_ file: Int32, _ size: Int64, _ partBytes: Int64) throws(FileStoreError) -> PartsHash {
        try PartsHash.of(file, size: size, partBytes: partBytes, transfer.gauge)
    }

    /// 32 lower-case digits.
    private func md5(of stretch: FileStretch) throws(FileStoreError) -> String {
        hexadecimalText(try Digest.of(stretch, .md5))
    }
}
