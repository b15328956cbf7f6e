/// What `blobxfer_extra_options` of a transfer asks for: options of blobxfer 1.9.4, of which some have a meaning here.
package struct TransferWords: Hashable, Sendable {
    /// Leading parts of a name that are left out; the last one always stays.
    package var stripComponents = 0
    /// The one file goes to the path itself and not below it.
    package var renames = false
    /// False: nothing that is there already is written again.
    package var overwrites = true
    /// False: nothing of directories below.
    package var isRecursive = true
    /// `--transfer-threads`.
    package var connections: Int?
    /// Options that change nothing here, as they were written.
    package private(set) var ignored: [String] = []

    package init() {}

    package struct Problem: Error, Hashable, Sendable {
        /// What is wrong with which word.
        package var message: String
        package init(message: String) { self.message = message }
    }

    package init(_ text: String) throws(Problem) {
        var rest = text.split { $0 == " " || $0 == "\t" || $0 == "\n" }.map(String.init)[...]
        while let word = rest.popFirst() { try take(word, &rest) }
    }

    private mutating func take(_ word: String, _ rest: inout ArraySlice<String>) throws(Problem) {
        var (name, attached): (String, String?) = (word, nil)
        if word.hasPrefix("--"), let sign = word.firstIndex(of: "=") {
            (name, attached) = (String(word[..<sign]), String(word[word.index(after: sign)...]))
        }
        func value() throws(Problem) -> String {
            if let attached { return attached }
            guard let next = rest.popFirst() else { throw Problem(message: "`\(name)` needs a value") }
            return next
        }
        func number(_ range: ClosedRange<Int>) throws(Problem) -> Int {
            let text = try value()
            guard let number = Int(text), range.contains(number) else {
                throw Problem(
                    message:
                        "`\(name)` takes a number of \(range.lowerBound) to \(range.upperBound), not `\(text)`"
                )
            }
            return number
        }
        if attached != nil, Self.flags.contains(name) || Self.switches.contains(name) {
            throw Problem(message: "`\(name)` takes no value")
        }
        switch name {
        case "--strip-components": stripComponents = try number(0...1000)
        case "--transfer-threads": connections = try number(1...256)
        case "--rename": renames = true
        case "--overwrite": overwrites = true
        case "--no-overwrite": overwrites = false
        case "--recursive": isRecursive = true
        case "--no-recursive": isRecursive = false
        default:
            if let reason = Self.refused[name] { throw Problem(message: "`\(name)` \(reason)") }
            if Self.flags.contains(name) {
                ignored.append(name)
            } else if Self.values.contains(name) {
                _ = try value()
                ignored.append(name)
            } else {
                throw Problem(message: "`\(word)` is no option of blobxfer 1.9.4")
            }
        }
    }

    private static let switches: Set = [
        "--rename", "--overwrite", "--no-overwrite", "--recursive", "--no-recursive",
    ]

    /// What would do something else if it were ignored.
    private static let refused: [String: String] = {
        let deletes = "deletes files, and no transfer does that here"
        let encrypts = "encrypts what is stored, which is not done here"
        let fixed = "is what the transfer's own keys say"
        var refused = [
            "--dry-run": "would transfer nothing", "--delete": deletes, "--delete-only": deletes,
            "--access-tier": "chooses a tier, which is not done here",
        ]
        for name in [
            "--rsa-private-key", "--rsa-private-key-passphrase", "--rsa-public-key",
        ] { refused[name] = encrypts }
        for name in [
            "--include", "--exclude", "--local-path", "--remote-path", "--storage-account",
            "--storage-account-key",
            "--storage-url", "--sas", "--endpoint", "--mode",
        ] { refused[name] = fixed }
        return refused
    }()

    private static let flags: Set = [
        "--enable-azure-storage-logger", "--progress-bar", "--no-progress-bar", "-q", "--quiet",
        "--show-config",
        "--skip-on-filesize-match", "--skip-on-lmt-ge", "--skip-on-md5-match", "-v", "--verbose",
        "--file-attributes", "--no-file-attributes", "--file-md5", "--no-file-md5", "--restore-file-lmt",
        "--server-side-copy", "--no-server-side-copy",
    ]
    private static let values: Set = [
        "--chunk-size-bytes", "--config", "--connect-timeout", "--crypto-processes", "--disk-threads",
        "--log-file",
        "--max-retries", "--md5-processes", "--proxy-host", "--proxy-password", "--proxy-username",
        "--read-timeout", "--resume-file", "--timeout", "--distribution-mode", "--file-cache-control",
        "--file-content-type", "--max-single-object-concurrency", "--one-shot-bytes",
        "--stripe-chunk-size-bytes",
    ]
}

extension TransferWords {
    /// The names of parts without the leading ones that are to go, never without the last.
    package func stripped(_ path: BytePath) -> BytePath {
        let parts = path.components
        let count = min(stripComponents, parts.count - 1)
        guard count > 0 else { return path }
        return parts.dropFirst(count + 1).reduce(parts[count]) { $0 / $1 }
    }
}
