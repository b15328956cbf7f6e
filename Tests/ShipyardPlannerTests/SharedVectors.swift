import Foundation

/// Where the reference results lie: the whole set beside the checkout where there is one, else the copies.
enum SharedVectors {
    static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let cases = packageRoot.appendingPathComponent("Tests/ShipyardPlannerTests/Cases")

    /// The directory of the whole set, or of the copies.
    static let root: URL = {
        var directory = packageRoot
        for _ in 0..<3 {
            directory.deleteLastPathComponent()
            let candidate = directory.appendingPathComponent("shared/vectors")
            if FileManager.default.fileExists(atPath: candidate.path) { return candidate }
        }
        return cases
    }()

    static var isWhole: Bool { root != cases }

    static func json<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: root.appendingPathComponent(path)))
    }
}
