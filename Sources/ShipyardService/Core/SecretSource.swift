import ShipyardDiagnostics
import ShipyardModel
import ShipyardPlanner
import ShipyardSpecs

/// Where the values of secrets are kept.
///
/// Asked by the loop's thread each time when work is sent, so it answers at once, from memory: one that has to fetch
/// values does that on a thread of its own, and fails for those that it does not have (docs/adr/0024).
package protocol SecretSource: Sendable {
    func secret(_ reference: SecretReference) throws(SecretFailure) -> Secret
}

/// Why there is no value. Shown to users.
package struct SecretFailure: Error, Sendable {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// Of a service that keeps none.
struct NoSecrets: SecretSource {
    func secret(_ reference: SecretReference) throws(SecretFailure) -> Secret {
        throw SecretFailure("this service has no vault")
    }
}

/// What the work of one turn has asked for: read once for all of it, and gone with the turn.
struct TurnSecrets {
    private let source: any SecretSource
    private var known: [SecretReference: Result<[SecretVariable], SecretFailure>] = [:]

    init(_ source: any SecretSource) { self.source = source }

    /// Throws a sentence that says which secret is missing, and why.
    mutating func variables(of secrets: [EnvironmentSecret]) throws(SecretFailure) -> [SecretVariable] {
        var found: [SecretVariable] = []
        for secret in secrets {
            let variables = variables(of: secret.id)
            do throws(SecretFailure) {
                for variable in try variables.get() where !secret.yieldsTo.contains(variable.name) {
                    found.removeAll { $0.name == variable.name }
                    found.append(variable)
                }
            } catch {
                throw SecretFailure("The secret `\(secret.id)` cannot be had: \(error.reason).")
            }
        }
        return found
    }

    private mutating func variables(of id: SecretReference) -> Result<[SecretVariable], SecretFailure> {
        if let known = known[id] { return known }
        let result: Result<[SecretVariable], SecretFailure>
        do throws(SecretFailure) {
            result = .success(try SecretEnvironment.variables(in: source.secret(id)))
        } catch {
            result = .failure(error)
        }
        known[id] = result
        return result
    }
}

/// A secret of Batch Shipyard that holds variables is a mapping in YAML or JSON. Nothing of it is quoted.
enum SecretEnvironment {
    static func variables(in secret: Secret) throws(SecretFailure) -> [SecretVariable] {
        let bytes = secret.withExposedBytes { Array($0) }
        var diagnostics = Diagnostics()
        let source = SourceText(name: "secret.yaml", bytes: bytes, isSecret: true)
        guard let entries = SpecReader.read(source, &diagnostics)?.entries, !diagnostics.hasErrors else {
            throw SecretFailure("it is no mapping of names and values")
        }
        return try entries.map { entry throws(SecretFailure) in
            guard let name = entry.key.string, !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")),
                !name.utf8.contains(0)
            else { throw SecretFailure("a name in it cannot name an environment variable") }
            guard let value = entry.value.isNull ? "" : PythonText.of(entry.value.content),
                !value.utf8.contains(0)
            else { throw SecretFailure("a value in it is no text") }
            return SecretVariable(name: name, value: Secret(value))
        }
    }
}
