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
    /// All values that it has had, as far as they are known; none where there is no such secret.
    func everyVersion(of reference: SecretReference) throws(SecretFailure) -> [Secret]
    /// All values of all secrets that it keeps, whoever they are for.
    func everything() throws(SecretFailure) -> [Secret]
}

extension SecretSource {
    package func everything() throws(SecretFailure) -> [Secret] { [] }

    package func everyVersion(of reference: SecretReference) throws(SecretFailure) -> [Secret] {
        (try? secret(reference)).map { [$0] } ?? []
    }

    package var lookup: SecretLookup { { reference throws(SecretFailure) in try self.secret(reference) } }
}

/// Of a service that keeps none.
package struct NoSecrets: SecretSource {
    package init() {}
    package func secret(_ reference: SecretReference) throws(SecretFailure) -> Secret {
        throw SecretFailure("this service has no vault")
    }
}

/// What the work of one turn has asked for: read once for all of it, and gone with the turn.
struct TurnSecrets {
    private let source: any SecretSource
    private let handed: HandedSecrets
    private var known: [SecretReference: Result<[SecretVariable], SecretFailure>] = [:]
    private var wholes: [SecretReference: Result<Secret, SecretFailure>] = [:]

    init(_ source: any SecretSource, _ handed: HandedSecrets) {
        self.source = source
        self.handed = handed
    }

    /// Throws as `variables`.
    mutating func files(of specs: [SecretFileSpec]) throws(SecretFailure) -> [SecretFileContent] {
        try specs.map { spec throws(SecretFailure) in
            let result = whole(spec.id)
            do throws(SecretFailure) {
                return SecretFileContent(path: spec.filePath, content: try result.get())
            } catch {
                throw SecretFailure("The secret `\(spec.id)` cannot be had: \(error.reason).")
            }
        }
    }

    private mutating func whole(_ id: SecretReference) -> Result<Secret, SecretFailure> {
        if let known = wholes[id] { return known }
        let result: Result<Secret, SecretFailure>
        do throws(SecretFailure) {
            let secret = try source.secret(id)
            handed.note(SecretMasks.values(in: secret), of: id)
            result = .success(secret)
        } catch {
            result = .failure(error)
        }
        wholes[id] = result
        return result
    }

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
            let variables = try SecretEnvironment.variables(in: source.secret(id))
            handed.note(variables.map(\.value), of: id)
            result = .success(variables)
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
