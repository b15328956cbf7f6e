import Foundation
import ShipyardSpecs
import Testing

@testable import ShipyardPlanner

private let inf = Double.infinity
private let tiny = Double.leastNonzeroMagnitude

struct PythonRandomTests {
    /// The values of a fixture's key, such as `gauss(0,1) seed=5`.
    private func draw(_ key: String, count: Int) throws -> [String] {
        let match = try #require(key.wholeMatch(of: #/(\w+)\((.*)\) seed=(-?\d+)/#))
        let words = match.2.split(separator: ",").map(String.init)
        func number(_ text: String) -> RandomFactorySpec.Number {
            if text == "None" { return .null }
            if let integer = Int(text) { return .integer(integer) }
            return .float(Double(text) ?? .nan)
        }
        func parameters(_ names: [String]) -> [String: RandomFactorySpec.Number] {
            Dictionary(uniqueKeysWithValues: zip(names, words.map(number)))
        }
        let kind: RandomFactorySpec.Kind =
            switch match.1 {
            case "randrange":
                .integer(
                    RangeSpec(
                        start: try power(words[0]), stop: try power(words[1]), step: try power(words[2])))
            case "uniform": .distribution("uniform", parameters: parameters(["a", "b"]))
            case "triangular": .distribution("triangular", parameters: parameters(["low", "high", "mode"]))
            case "betavariate": .distribution("beta", parameters: parameters(["alpha", "beta"]))
            case "expovariate": .distribution("exponential", parameters: parameters(["lambda"]))
            case "gammavariate": .distribution("gamma", parameters: parameters(["alpha", "beta"]))
            case "gauss": .distribution("gauss", parameters: parameters(["mu", "sigma"]))
            case "lognormvariate": .distribution("lognormal", parameters: parameters(["mu", "sigma"]))
            case "paretovariate": .distribution("pareto", parameters: parameters(["alpha"]))
            default: .distribution("weibull", parameters: parameters(["alpha", "beta"]))
            }
        guard case .magnitude(let seed)? = RandomFactorySpec.seed(integer: String(match.3)) else { return [] }
        var random = PythonRandom(words: seed)
        let distribution = RandomDistribution(RandomFactorySpec(generate: count, kind: kind))
        return try (0..<count).map { _ in try distribution.next(&random).text }
    }

    /// `2**33+1` and the like.
    private func power(_ text: String) throws -> Int {
        var sum = 0
        for part in text.split(separator: "+") {
            let factors = part.split(separator: "*", omittingEmptySubsequences: true).map { Int($0) ?? 0 }
            sum +=
                factors.count == 2
                ? (0..<factors[1]).reduce(1) { value, _ in value * factors[0] } : factors[0]
        }
        return sum
    }

    @Test func everyDistributionEqualsPythonToTheLastDigit() throws {
        let fixtures = try SharedVectors.json("fixtures/random.json", as: [String: [String]].self)
        for (key, expected) in fixtures {
            #expect(try draw(key, count: expected.count) == expected, "\(key)")
        }
    }

    /// Python spins for ever on the first four, and raises or computes on for the others.
    @Test(arguments: [
        (
            "gamma", ["alpha": inf, "beta": 1],
            "ValueError: gammavariate: `alpha` must be a number below 8.9e307, not inf"
        ),
        (
            "gamma", ["alpha": 1e308, "beta": 1],
            "ValueError: gammavariate: `alpha` must be a number below 8.9e307, not 1e+308"
        ),
        (
            "gamma", ["alpha": .nan, "beta": 1],
            "ValueError: gammavariate: `alpha` must be a number below 8.9e307, not nan"
        ),
        (
            "beta", ["alpha": 2, "beta": inf],
            "ValueError: gammavariate: `beta` must be a number below 8.9e307, not inf"
        ),
        ("gamma", ["alpha": -1, "beta": 1], "ValueError: gammavariate: alpha and beta must be > 0.0"),
        ("gamma", ["alpha": 2, "beta": .nan], "nan"), ("gamma", ["alpha": 2, "beta": inf], "inf"),
        ("gamma", ["alpha": 1e300, "beta": 1], "1e+300"), ("gamma", ["alpha": tiny, "beta": 1], "0.0"),
        ("exponential", ["lambda": 0], "ZeroDivisionError: float division by zero"),
        ("exponential", ["lambda": .nan], "nan"),
        ("pareto", ["alpha": 0], "ZeroDivisionError: float division by zero"),
        ("pareto", ["alpha": 1e-300], "OverflowError: (34, 'Numerical result out of range')"),
        ("pareto", ["alpha": tiny], "inf"), ("pareto", ["alpha": .nan], "nan"),
        ("weibull", ["alpha": 1, "beta": 0], "ZeroDivisionError: float division by zero"),
        ("lognormal", ["mu": 1e10, "sigma": 1], "OverflowError: math range error"),
        ("lognormal", ["mu": inf, "sigma": 1], "inf"), ("gauss", ["mu": 0, "sigma": .nan], "nan"),
        ("uniform", ["a": -inf, "b": inf], "nan"), ("uniform", ["a": -1e308, "b": 1e308], "inf"),
        ("triangular", ["low": 0, "high": 1, "mode": .nan], "nan"),
        ("triangular", ["low": 0, "high": inf, "mode": 1], "nan"),
        ("triangular", ["low": 0, "high": 1, "mode": inf], "inf"),
    ])
    func parametersAtTheEdgeComeToAnEnd(name: String, parameters: [String: Double], expected: String) {
        let kind = RandomFactorySpec.Kind.distribution(name, parameters: parameters.mapValues { .float($0) })
        var random = PythonRandom(words: [1])
        do {
            let value = try RandomDistribution(RandomFactorySpec(generate: 1, kind: kind)).next(&random)
            #expect(value.text == expected)
        } catch {
            #expect("\(error)" == expected)
        }
    }

    @Test func anIntegerThatNoFloatHoldsIsRefusedByItsKey() {
        let big = "1" + String(repeating: "0", count: 400)
        let planned = Planned(
            """
            job_specifications:
            - id: j
              tasks:
              - command: echo {}
                task_factory: {random: {generate: 1, seed: 1, distribution: {gamma: {alpha: \(big), beta: 1}}}}
            """)
        #expect(!planned.isAccepted)
        #expect(
            planned.diagnostics.all.map(\.message) == [
                "OverflowError: 'alpha': int too large to convert to float"
            ])
    }

    @Test func anEmptyRangeIsRefusedInPythonsWords() {
        var random = PythonRandom(words: [1])
        #expect(throws: PythonError(.valueError, "empty range for randrange() (5, 5, 0)")) {
            try random.range(start: 5, stop: 5, step: 1)
        }
        #expect(throws: PythonError(.valueError, "empty range for randrange()")) {
            try random.range(start: 5, stop: 4, step: 2)
        }
        #expect(throws: PythonError(.valueError, "zero step for randrange()")) {
            try random.range(start: 0, stop: 4, step: 0)
        }
    }
}
