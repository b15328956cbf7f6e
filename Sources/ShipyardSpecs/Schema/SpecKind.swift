/// The kinds of spec files, in the order in which they are merged.
package enum SpecKind: String, Codable, Sendable, CaseIterable, Comparable {
    case credentials, config, fs, pool, jobs, schedules

    package static func < (left: SpecKind, right: SpecKind) -> Bool { left.mergeRank < right.mergeRank }

    private var mergeRank: Int {
        switch self {
        case .credentials: 0
        case .config: 1
        case .fs: 2
        case .pool: 3
        case .jobs: 4
        case .schedules: 5
        }
    }

    /// What a file of this kind may hold; nil for `fs`, which describes storage clusters of the cloud and is
    /// only read for its syntax.
    package var schema: MappingSchema? {
        switch self {
        case .credentials: SchemaTable.credentials
        case .config: SchemaTable.config
        case .fs: nil
        case .pool: SchemaTable.pool
        case .jobs: SchemaTable.jobs
        case .schedules: SchemaTable.schedules
        }
    }
}

/// The tables, one for each kind of file.
package enum SchemaTable {}
