import Glibc
import ShipyardSpecs

/// The values of a `random` factory.
struct RandomDistribution {
    private let kind: RandomFactorySpec.Kind

    init(_ spec: RandomFactorySpec) { kind = spec.kind }

    /// What Batch Shipyard misses before it makes the first value: a parameter is looked up also where none is made.
    ///
    /// - Parameter random: a copy, so that nothing is drawn from it.
    func missing(_ random: PythonRandom) -> PythonError? {
        var random = random
        do throws(PythonError) {
            _ = try next(&random)
            return nil
        } catch {
            return error.kind == .keyError ? error : nil
        }
    }

    func next(_ random: inout PythonRandom) throws(PythonError) -> PythonValue {
        switch kind {
        case .integer(let range):
            .int(try random.range(start: range.start, stop: range.stop, step: range.step))
        case .distribution(let name, let parameters):
            try Parameters(values: parameters).draw(name, &random)
        case .missing:
            throw PythonError(.keyError, "'distribution'")
        }
    }
}

/// The parameters of one distribution, with Python's mixed arithmetic: integers stay exact until a float
/// meets them, and a text only fails once it is computed with.
private struct Parameters {
    var values: [String: RandomFactorySpec.Number]

    func draw(_ name: String, _ random: inout PythonRandom) throws(PythonError) -> PythonValue {
        switch name {
        case "uniform":
            let (low, width) = try (float("a"), difference("b", "a"))
            return .float(low + width * random.random())
        case "triangular": return try triangular(&random)
        case "beta":
            let first = try random.gamma(alpha: float("alpha"), beta: 1)
            guard first != 0 else { return .float(0) }
            return .float(first / (first + (try random.gamma(alpha: float("beta"), beta: 1, key: "beta"))))
        case "exponential":
            let rate = try float("lambda")
            return .float(try PythonMath.divide(-log(1 - random.random()), by: rate))
        case "gamma": return .float(try random.gamma(alpha: float("alpha"), beta: float("beta")))
        case "gauss": return .float(random.gauss(mu: try float("mu"), sigma: try float("sigma")))
        case "lognormal":
            let normal = random.normal(mu: try float("mu"), sigma: try float("sigma"))
            return .float(try PythonMath.exp(normal))
        case "pareto":
            let power = try PythonMath.divide(-1, by: float("alpha"))
            return .float(try PythonMath.pow(1 - random.random(), power))
        case "weibull":
            let (scale, shape) = try (float("alpha"), float("beta"))
            let power = try PythonMath.divide(1, by: shape)
            return .float(scale * (try PythonMath.pow(-log(1 - random.random()), power)))
        default: throw PythonError(.valueError, "unknown distribution: \(name)")
        }
    }

    private func triangular(_ random: inout PythonRandom) throws(PythonError) -> PythonValue {
        var (low, high) = try (float("low"), float("high"))
        let width = try difference("high", "low")
        var u = random.random()
        var c = 0.5
        let mode = values["mode"]
        if let mode, mode != .null {
            let offset = try difference("mode", "low")
            guard width != 0 else { return try exact("low") }
            c = offset / width
        }
        if u > c {
            u = 1 - u
            c = 1 - c
            swap(&low, &high)
        }
        let signedWidth = low == (try float("low")) ? width : -width
        return .float(low + signedWidth * (u * c).squareRoot())
    }

    private func number(_ name: String) throws(PythonError) -> RandomFactorySpec.Number {
        guard let value = values[name] else { throw PythonError(.keyError, "'\(name)'") }
        switch value {
        case .integer, .float: return value
        case .tooLarge: throw PythonError(.overflowError, "'\(name)': int too large to convert to float")
        case .text: throw PythonError(.typeError, "'\(name)' must be a number, not 'str'")
        case .null: throw PythonError(.typeError, "'\(name)' must be a number, not 'NoneType'")
        }
    }

    private func float(_ name: String) throws(PythonError) -> Double {
        switch try number(name) {
        case .integer(let value): Double(value)
        case .float(let value): value
        case .text, .null, .tooLarge: 0
        }
    }

    private func exact(_ name: String) throws(PythonError) -> PythonValue {
        switch try number(name) {
        case .integer(let value): .int(value)
        case .float(let value): .float(value)
        case .text, .null, .tooLarge: .none
        }
    }

    private func difference(_ left: String, _ right: String) throws(PythonError) -> Double {
        if case .integer(let first) = try number(left), case .integer(let second) = try number(right) {
            let (value, overflow) = first.subtractingReportingOverflow(second)
            if !overflow { return Double(value) }
        }
        return try float(left) - float(right)
    }
}
