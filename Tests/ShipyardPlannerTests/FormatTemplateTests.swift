import Foundation
import Testing

@testable import ShipyardPlanner

struct FormatTemplateTests {
    struct Argument: Decodable {
        var t: String
        var v: String

        /// The fixtures write values as Python's `repr`.
        func value() throws -> PythonValue {
            switch t {
            case "int": try Int(v).map(PythonValue.int) ?? .bigInt(#require(BigInteger(decimal: v)))
            case "float": .float(try #require(Double(v)))
            default: .str(String(String.UnicodeScalarView(v.unicodeScalars.dropFirst().dropLast())))
            }
        }
    }

    struct Case: Decodable {
        var template: String
        var args: [Argument]?
        var kwargs: [String: String]?
        var result: String?
        var error: String?
        var message: String?
    }

    @Test(arguments: ["fixtures/strformat.json", "fixtures/strformat_keywords.json"])
    func everyFixtureIsFormattedAsPythonDoes(_ path: String) throws {
        for one in try SharedVectors.json(path, as: [Case].self) {
            let arguments = FormatTemplate.Arguments(
                try (one.args ?? []).map { try $0.value() },
                keywords: (one.kwargs ?? [:]).map { ($0.key, .str($0.value)) })
            let shown = "\(one.template) of \(one.args?.map(\.v) ?? [])"
            do {
                let text = try FormatTemplate(one.template).text(arguments)
                #expect(text == one.result, "\(shown)")
            } catch {
                // A method prints with its address in memory: there is nothing to be equal to.
                if one.result?.contains(" at 0x") == true { continue }
                guard let expected = one.error, !expected.hasPrefix("(") else {
                    #expect(one.error != nil, "\(shown) threw \(error)")
                    continue
                }
                #expect(error.kind.rawValue == expected, "\(shown)")
                if let message = one.message { #expect(error.message == message, "\(shown)") }
            }
        }
    }
}
