import Glibc

/// Python's module `random`, equal to it in the last digit (CPython 3.11). One value is shared by all factories
/// of a submission: an unseeded factory continues where the one before it stopped.
package struct PythonRandom: Sendable {
    private var twister: MersenneTwister
    /// The second value of a Box-Muller pair. It outlives its factory, and only seeding drops it.
    private var nextGauss: Double?

    package init(words: [UInt32]) { twister = MersenneTwister(words: words) }

    package mutating func seed(words: [UInt32]) { self = PythonRandom(words: words) }

    /// A value in [0, 1) with 53 random bits.
    package mutating func random() -> Double {
        let high = Double(twister.nextWord() >> 5)
        let low = Double(twister.nextWord() >> 6)
        return (high * 67_108_864 + low) / 9_007_199_254_740_992
    }

    private mutating func bits(_ count: Int) -> UInt64 {
        if count <= 32 { return UInt64(twister.nextWord() >> UInt32(32 - count)) }
        let low = UInt64(twister.nextWord())
        return low | UInt64(twister.nextWord() >> UInt32(64 - count)) << 32
    }

    /// A value in 0..<`bound`, which must not be 0.
    private mutating func below(_ bound: UInt64) -> UInt64 {
        let count = 64 - bound.leadingZeroBitCount
        while true {
            let value = bits(count)
            if value < bound { return value }
        }
    }

    package mutating func range(start: Int, stop: Int, step: Int) throws(PythonError) -> Int {
        guard step != 0 else { throw PythonError(.valueError, "zero step for randrange()") }
        let isEmpty = step > 0 ? start >= stop : start <= stop
        guard !isEmpty else {
            let detail = step == 1 ? " (\(start), \(stop), \(Self.difference(stop, start)))" : ""
            throw PythonError(.valueError, "empty range for randrange()\(detail)")
        }
        // The width of any two words fits 64 bits without sign, and so does the number of steps.
        let width = UInt64(bitPattern: Int64(step > 0 ? stop &- start : start &- stop))
        let stride = UInt64(step.magnitude)
        let count = width / stride + (width % stride == 0 ? 0 : 1)
        return start &+ step &* Int(truncatingIfNeeded: below(count))
    }

    private static func difference(_ left: Int, _ right: Int) -> String {
        let (value, overflow) = left.subtractingReportingOverflow(right)
        return overflow ? "-" + String(right.magnitude + left.magnitude) : String(value)
    }

    package mutating func gauss(mu: Double, sigma: Double) -> Double {
        if let kept = nextGauss {
            nextGauss = nil
            return mu + kept * sigma
        }
        let angle = random() * (2 * Double.pi)
        let radius = (-2.0 * log(1 - random())).squareRoot()
        nextGauss = sin(angle) * radius
        return mu + cos(angle) * radius * sigma
    }

    /// Kinderman and Monahan's ratio of uniforms.
    package mutating func normal(mu: Double, sigma: Double) -> Double {
        let magic = 4 * exp(-0.5) / (2.0).squareRoot()
        while true {
            let first = random()
            let second = 1 - random()
            let z = magic * (first - 0.5) / second
            if z * z / 4 <= -log(second) { return mu + z * sigma }
        }
    }

    /// - Parameter key: what a spec calls `alpha`.
    package mutating func gamma(
        alpha: Double, beta: Double, key: String = "alpha"
    ) throws(PythonError) -> Double {
        // Written as Python writes it: a NaN is not refused here.
        if alpha <= 0 || beta <= 0 {
            throw PythonError(.valueError, "gammavariate: alpha and beta must be > 0.0")
        }
        try refuseEndless(alpha, key)
        if alpha > 1 { return try chengGamma(alpha) * beta }
        if alpha == 1 { return -log(1 - random()) * beta }
        return try ahrensDieterGamma(alpha) * beta
    }

    /// Python tries for ever where every comparison of its algorithm has become one with NaN.
    private func refuseEndless(_ alpha: Double, _ key: String) throws(PythonError) {
        guard !(2 * alpha).isFinite else { return }
        throw PythonError(.valueError, "gammavariate: `\(key)` must be a number below 8.9e307, not \(alpha)")
    }

    /// Stands in for parameters that nobody has thought of: half of all tries succeed where any does.
    private static let maximumTries = 100_000

    private static func endless(_ distribution: String) -> PythonError {
        PythonError(.valueError, "\(distribution): no value was found in \(maximumTries) tries")
    }

    /// R. C. H. Cheng, "The generation of Gamma variables with non-integral shape parameters", 1977.
    private mutating func chengGamma(_ alpha: Double) throws(PythonError) -> Double {
        let ainv = (2 * alpha - 1).squareRoot()
        let bbb = alpha - log(4.0)
        let ccc = alpha + ainv
        let magic = 1 + log(4.5)
        for _ in 0..<Self.maximumTries {
            let first = random()
            guard first > 1e-7, first < 0.9999999 else { continue }
            let second = 1 - random()
            let v = log(first / (1 - first)) / ainv
            let x = alpha * (try PythonMath.exp(v))
            let z = first * first * second
            let r = bbb + ccc * v - x
            if r + magic - 4.5 * z >= 0 || r >= log(z) { return x }
        }
        throw Self.endless("gammavariate")
    }

    /// Ahrens and Dieter's algorithm GS, 1974, for a shape below 1.
    private mutating func ahrensDieterGamma(_ alpha: Double) throws(PythonError) -> Double {
        let e = M_E
        for _ in 0..<Self.maximumTries {
            let u = random()
            let b = (e + alpha) / e
            let p = b * u
            let x = p <= 1 ? try PythonMath.pow(p, 1 / alpha) : -log((b - p) / alpha)
            let second = random()
            if p > 1 {
                if second <= (try PythonMath.pow(x, alpha - 1)) { return x }
            } else if second <= exp(-x) {
                return x
            }
        }
        throw Self.endless("gammavariate")
    }
}

/// The C library's functions with Python's errors.
enum PythonMath {
    static func exp(_ x: Double) throws(PythonError) -> Double {
        let result = Glibc.exp(x)
        if result.isInfinite, x.isFinite { throw PythonError(.overflowError, "math range error") }
        return result
    }

    static func pow(_ x: Double, _ y: Double) throws(PythonError) -> Double {
        if x == 0, y < 0 {
            throw PythonError(.zeroDivisionError, "0.0 cannot be raised to a negative power")
        }
        let result = Glibc.pow(x, y)
        if result.isInfinite, x.isFinite, y.isFinite {
            throw PythonError(.overflowError, "(34, 'Numerical result out of range')")
        }
        return result
    }

    static func divide(_ x: Double, by y: Double) throws(PythonError) -> Double {
        guard y != 0 else { throw PythonError(.zeroDivisionError, "float division by zero") }
        return x / y
    }
}
