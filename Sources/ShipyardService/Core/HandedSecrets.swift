import ShipyardModel
import Synchronization

/// The values that this service has handed to tasks, in memory alone: what is masked although its secret has changed or
/// is gone since.
package final class HandedSecrets: Sendable {
    /// Secrets, and values of each: far more than a home uses. The latest stay.
    static let mostSecrets = 10_000
    static let mostValues = 32

    private struct State {
        var values: [SecretReference: [Secret]] = [:]
        /// Of all values; nil until it is asked for.
        var ofAll: SecretMask?
    }

    private let state = Mutex(State())

    package init() {}

    package func note(_ values: [Secret], of reference: SecretReference) {
        state.withLock { state in
            var known = state.values[reference] ?? []
            let new = values.filter { value in !known.contains { $0.isSameInConstantTime(as: value) } }
            guard !new.isEmpty else { return }
            known += new
            if state.values.count >= Self.mostSecrets, state.values[reference] == nil { state.values = [:] }
            state.values[reference] = known.suffix(max(Self.mostValues, new.count))
            state.ofAll = nil
        }
    }

    package func values(of reference: SecretReference) -> [Secret] {
        state.withLock { $0.values[reference] ?? [] }
    }

    var all: [Secret] { state.withLock { Array($0.values.values.joined()) } }

    /// Of all values that were handed out.
    package var mask: SecretMask {
        state.withLock { state in
            if let known = state.ofAll { return known }
            let mask = SecretMask(state.values.values.joined())
            state.ofAll = mask
            return mask
        }
    }

    package func masked(_ text: String) -> String { mask.masked(text) }
}

/// What hides the secrets of some work wherever it is shown.
package struct SecretMasks: Sendable {
    private let source: any SecretSource
    private let handed: HandedSecrets

    package init(_ source: any SecretSource, _ handed: HandedSecrets) {
        self.source = source
        self.handed = handed
    }

    /// Of every version that is kept, since what was printed yesterday has yesterday's. A secret that is gone has the
    /// values that this service has handed out. Throws where the vault cannot be read: then nothing may be shown.
    package func mask(of references: some Sequence<SecretReference>) throws(SecretFailure) -> SecretMask {
        var values: [Secret] = []
        for reference in references {
            values += handed.values(of: reference)
            for secret in try source.everyVersion(of: reference) { values += Self.values(in: secret) }
        }
        return SecretMask(values)
    }

    /// Of all that there is, for what anybody may have written: of what the vault keeps, of what was handed out, and of these.
    package func mask(ofAllAnd references: some Sequence<SecretReference>) throws(SecretFailure) -> SecretMask {
        var values = handed.all
        for secret in try source.everything() { values += Self.values(in: secret) }
        for reference in references {
            for secret in try source.everyVersion(of: reference) { values += Self.values(in: secret) }
        }
        return SecretMask(values)
    }

    /// Of one that holds variables, each of them; the whole besides, as a file has it.
    static func values(in secret: Secret) -> [Secret] {
        do throws(SecretFailure) {
            return [secret] + (try SecretEnvironment.variables(in: secret)).map(\.value)
        } catch {
            return [secret]
        }
    }
}
