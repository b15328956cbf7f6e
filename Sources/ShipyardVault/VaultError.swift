import ShipyardModel

/// Why the vault cannot do what is asked. Names secrets and paths, and never values.
package struct VaultError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable {
        case libraryMissing
        /// There is no vault, no secret of this name, or not this version.
        case notFound
        /// Others could read the key or change the vault.
        case unsafe
        /// It needs a passphrase that nobody has given.
        case locked
        case wrongKey
        /// What is there is not what was written.
        case damaged
        case refused
        case system
    }

    package var code: Code
    package var message: String
    package var help: String?

    package init(_ code: Code, _ message: String, help: String? = nil) {
        self.code = code
        self.message = message
        self.help = help
    }

    init(_ error: SystemError) { self.init(.system, error.description) }

    package var description: String { message }
}
