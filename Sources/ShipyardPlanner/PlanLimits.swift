/// The planner's limits, each with the reason for its number.
package enum PlanLimits {
    /// Linux refuses one argument of a program beyond 128 KiB (`MAX_ARG_STRLEN`), so a field of 1,000,000
    /// characters can never be run; what is below is cheap to make.
    package static let formattedFieldCharacters = 1_000_000
    /// A task's ordinal in its job is a 32-bit number (`TaskKey`).
    package static let tasksPerJob = Int(UInt32.max)
    /// Of one task's values. `combinations` with replacement may ask for any length, and no command of a task
    /// can hold so many.
    package static let valuesPerTask = 100_000
    /// Azure Batch's.
    package static let idCharacters = 64
    /// Azure Batch's: letters, digits, `-` and `_` follow in the generated part.
    package static let autoPoolIDCharacters = 20
    /// A renamed task may leave a thousand unknown dependencies: nobody reads a thousand messages, and each
    /// costs a look at all ids for a suggestion.
    package static let unknownDependenciesPerJob = 50
}

extension PlanLimits {
    /// Nothing longer than `ARG_MAX`'s usual 2 MiB can be handed to a process in any way.
    package static let commandBytes = 2 << 20
}
