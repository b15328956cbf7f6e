import ShipyardModel
import ShipyardStaging

/// What the service has of an agent's token. The token itself only until that agent is started: to recognise the agent
/// the digest is enough, and it is all that is stored.
package struct KnownToken: Sendable {
    package let digest: AgentTokenDigest
    /// Nil where an earlier service has started the agent.
    package let token: AgentToken?

    package init(_ token: AgentToken) {
        digest = token.digest
        self.token = token
    }

    package init(_ digest: AgentTokenDigest) {
        self.digest = digest
        token = nil
    }

    package func isDigest(of token: AgentToken?) -> Bool {
        // What can be learnt from the time is of the digest, from which nobody finds the token.
        token?.digest == digest
    }
}

extension AgentToken {
    package var digest: AgentTokenDigest {
        let hash = withExposedBytes { bytes in
            var hash = SHA256()
            hash.update(bytes)
            return hash.hexDigest()
        }
        guard let digest = AgentTokenDigest(hash) else { invariantFailure("a SHA-256 breaks its own rule") }
        return digest
    }
}
