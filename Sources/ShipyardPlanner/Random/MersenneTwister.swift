/// The generator MT19937 of Matsumoto and Nishimura, seeded and read the way Python does.
package struct MersenneTwister: Sendable {
    private static let size = 624
    private static let shift = 397

    private var state = [UInt32](repeating: 0, count: size)
    private var index = size

    /// Seeds with an array of words (`init_by_array`); Python hands in a seed's magnitude, low word first.
    package init(words: [UInt32]) {
        let key = words.isEmpty ? [0] : words
        state[0] = 19_650_218
        for i in 1..<Self.size {
            state[i] = 1_812_433_253 &* (state[i - 1] ^ (state[i - 1] >> 30)) &+ UInt32(i)
        }
        var i = 1
        var j = 0
        for _ in 0..<max(Self.size, key.count) {
            state[i] = (state[i] ^ (mixed(i) &* 1_664_525)) &+ key[j] &+ UInt32(j)
            advance(&i)
            j = (j + 1) % key.count
        }
        for _ in 0..<(Self.size - 1) {
            state[i] = (state[i] ^ (mixed(i) &* 1_566_083_941)) &- UInt32(i)
            advance(&i)
        }
        state[0] = 0x8000_0000
    }

    private func mixed(_ i: Int) -> UInt32 { state[i - 1] ^ (state[i - 1] >> 30) }

    private mutating func advance(_ i: inout Int) {
        i += 1
        if i == Self.size {
            state[0] = state[Self.size - 1]
            i = 1
        }
    }

    package mutating func nextWord() -> UInt32 {
        if index == Self.size { refill() }
        var word = state[index]
        index += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9D2C_5680
        word ^= (word << 15) & 0xEFC6_0000
        return word ^ (word >> 18)
    }

    private mutating func refill() {
        for i in 0..<Self.size {
            let bits = (state[i] & 0x8000_0000) | (state[(i + 1) % Self.size] & 0x7FFF_FFFF)
            state[i] = state[(i + Self.shift) % Self.size] ^ (bits >> 1) ^ (bits & 1 == 0 ? 0 : 0x9908_B0DF)
        }
        index = 0
    }
}
