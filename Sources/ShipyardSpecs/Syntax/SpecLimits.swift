import ShipyardDiagnostics

/// The limits that a spec file must keep, each with the reason for its number.
package enum SpecLimits {
    /// 256 MiB: a million tasks of 200 bytes fit; a larger file is not a spec but a mistake.
    package static let fileBytes = 256 << 20
    /// The deepest legal spec nests about 12 levels. The readers, the validator and the release of a tree
    /// all recurse, so the number also bounds the stack.
    package static let nestingDepth = 100
    /// How many nodes all aliases of one file may stand for together. Far above any honest use of anchors,
    /// far below what a file of nested aliases ("billion laughs") asks for.
    package static let aliasedNodes = 2_000_000
    /// And so many more for each byte of the file: 50,000 tasks that each take over a mapping of defaults are
    /// honest, and what grows only with the file's own size is no amplification.
    package static let aliasedNodesPerByte = 16
    /// Findings reported of one file.
    package static let findingsPerFile = DiagnosticLimits.findingsPerFile
    /// Azure Batch's id length, for pools, jobs and tasks.
    package static let idLength = 64
    /// Slots on one node. Azure Batch allows 256; a node that is a whole workstation or allocation may need
    /// more, and beyond this number it is a typing error.
    package static let slotsPerNode = 4096
    /// Nodes of one kind in a pool: the engine's table is sized for it.
    package static let nodesPerPool = 100_000
    /// Runs of one schedule that are active, wait or are made up for: each is a job at least.
    package static let runsOfSchedule = 10_000
    /// Digits of a seed. It is turned into words of 32 bits in quadratic time; nobody needs more randomness.
    package static let seedDigits = 10_000
    /// The longest length of time, a hundred years: any two of them added to a moment still fit a word of
    /// nanoseconds, and what is longer is a typing error.
    package static let durationDays: Int64 = 36_500
    /// Azure Batch's, for both ends of `depends_on_range`.
    static let dependencyNumbers = 0...Int(Int32.max)
    /// Longest text shown from a spec inside a message.
    package static let quotedCharacters = 40
    /// And so many bytes: a letter may have a million accents.
    package static let quotedBytes = 160
    /// An alias counts once more for so many bytes of the text that it stands for: each is looked at again.
    static let bytesPerAliasedNode = 16
}
