import ShipyardModel

// The one place where secrets become bytes of the protocol, and are made of them: a token in a welcome, variables in an
// order, keys of storage accounts. What lies in a connection's buffers meanwhile is not wiped (docs/adr/0024).

extension ByteWriter {
    package mutating func append(exposing token: AgentToken?) {
        append(UInt8(token == nil ? 0 : 1))
        token?.withExposedBytes { append(bytes: $0) }
    }

    package mutating func append(exposing variables: [SecretVariable]) {
        append(count: variables.count)
        for variable in variables {
            append(variable.name)
            variable.value.withExposedBytes { append(bytes: $0) }
        }
    }

    package mutating func append(exposing files: [SecretFileContent]) {
        append(count: files.count)
        for file in files {
            append(file.path)
            append(exposing: file.content)
        }
    }

    package mutating func append(exposing secret: Secret) { secret.withExposedBytes { append(bytes: $0) } }

    private mutating func append(bytes: UnsafeRawBufferPointer) {
        append(count: bytes.count)
        self.bytes.append(contentsOf: bytes)
    }
}

extension ByteReader {
    package mutating func agentToken() throws(WireError) -> AgentToken? {
        guard let text = try optionalText() else { return nil }
        guard let token = AgentToken(text) else { throw .invalidText }
        return token
    }

    package mutating func secret() throws(WireError) -> Secret { Secret(copying: try blob()) }

    package mutating func secretFiles() throws(WireError) -> [SecretFileContent] {
        let count = try count(elementBytes: 8)
        var files: [SecretFileContent] = []
        for _ in 0..<count { files.append(SecretFileContent(path: try text(), content: try secret())) }
        return files
    }

    package mutating func secretVariables() throws(WireError) -> [SecretVariable] {
        let count = try count(elementBytes: 8)
        var variables: [SecretVariable] = []
        variables.reserveCapacity(count)
        for _ in 0..<count {
            variables.append(SecretVariable(name: try text(), value: Secret(copying: try blob())))
        }
        return variables
    }
}
