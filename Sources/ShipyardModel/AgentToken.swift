/// Proves that an agent is the one that was started for a node: made at random when it is started, and told to
/// nobody but the agent. Names and paths of nodes are given again; this is not.
package struct AgentToken: Sendable {
    private let secret: Secret

    /// Nil unless `text` is 32 lower-case hexadecimal digits.
    package init?(_ text: String) {
        guard isRandomName(text) else { return nil }
        secret = Secret(text)
    }

    package static func random() -> AgentToken {
        guard let token = AgentToken(randomName()) else {
            invariantFailure("a random name breaks its own rule")
        }
        return token
    }

    /// For the agent's input and its welcome, and for the digest: nowhere else.
    package func withExposedBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try secret.withExposedBytes(body)
    }

    package func isSameInConstantTime(as other: AgentToken) -> Bool {
        secret.isSameInConstantTime(as: other.secret)
    }
}

/// What is stored of a token: enough to recognise an agent, and not to be one.
package struct AgentTokenDigest: Identifier {
    package let text: String

    /// Nil unless `text` is a SHA-256 of 64 lower-case hexadecimal digits.
    package init?(_ text: String) {
        guard text.utf8.count == 64, text.utf8.allSatisfy(isHexadecimal) else { return nil }
        self.text = text
    }
}
