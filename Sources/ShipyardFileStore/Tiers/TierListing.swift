import ShipyardModel

/// A listing of all tiers at once, in the byte order of the names that users know: each of them is in that order.
final class TierListing {
    private static let pageSize = 1000

    private let container: String
    private let prefix: BytePath
    private var last: BytePath?
    private var sources: [Source]

    init(_ base: any FileStore, _ container: String, _ prefix: BytePath, after: BytePath?) {
        self.container = container
        self.prefix = prefix
        last = after
        sources = StorageTier.allCases.map { Source(base, container, prefix, $0, after) }
    }

    func goesOn(_ container: String, _ prefix: BytePath, _ after: BytePath?) -> Bool {
        after != nil && after == last && container == self.container && prefix == self.prefix
    }

    func page(_ limit: Int) throws(FileStoreError) -> FilePage {
        var files: [StoredFile] = []
        while files.count < limit {
            guard let file = try next() else { return FilePage(files: files, next: nil) }
            files.append(file)
            last = file.name
        }
        return FilePage(files: files, next: try peek() == nil ? nil : last)
    }

    /// The first of all names; a hot file before what else has its name.
    private func peek() throws(FileStoreError) -> Int? {
        var found: (name: BytePath, source: Int)?
        for index in sources.indices {
            guard let file = try sources[index].first() else { continue }
            if let known = found, known.name <= file.name { continue }
            found = (file.name, index)
        }
        return found?.source
    }

    private func next() throws(FileStoreError) -> StoredFile? {
        guard let index = try peek(), var file = try sources[index].first() else { return nil }
        for index in sources.indices {
            while let other = try sources[index].first(), other.name == file.name {
                // Of two in one tier the later one holds, as for who reads it.
                if other.tier == file.tier, other.modified > file.modified { file = other }
                sources[index].removeFirst()
            }
        }
        return file
    }

    /// One tier, in the order of names.
    private struct Source {
        private let base: any FileStore
        private let container: String
        private let start: BytePath
        private let tier: StorageTier
        private var after: BytePath?
        private var isWhole = false
        private var files: ArraySlice<StoredFile> = []

        init(
            _ base: any FileStore, _ container: String, _ prefix: BytePath, _ tier: StorageTier,
            _ after: BytePath?
        ) {
            self.base = base
            self.container = container
            self.tier = tier
            start = tier == .hot ? prefix : TierName.start(of: tier, prefix)
            self.after = tier == .hot ? after : after.map { TierName.end(of: $0, tier) }
        }

        mutating func first() throws(FileStoreError) -> StoredFile? {
            while files.isEmpty, !isWhole { try read() }
            return files.first
        }

        mutating func removeFirst() { files.removeFirst() }

        private mutating func read() throws(FileStoreError) {
            let page = try base.list(container, prefix: start, after: after, limit: TierListing.pageSize)
            after = page.next
            isWhole = page.next == nil
            guard tier != .hot else {
                files = page.files.filter { !TierName.isInside($0.name) }[...]
                return
            }
            let found = page.files.compactMap { file in
                TierName(file.name, tier).map { StoredFile(file, at: $0) }
            }
            files = found[...]
        }
    }
}
