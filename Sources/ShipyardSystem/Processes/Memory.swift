import CLinux

/// The memory of this process.
package enum Memory {
    /// Gives back what is free: after very many small things were released, which the C library keeps for more of them.
    package static func giveBack() { shipyard_trim_memory() }
}
