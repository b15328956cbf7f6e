/// The end of a name that nobody else has: 64 bits, at most 16 hexadecimal digits.
package func randomSuffix() -> String { String(UInt64.random(in: 0...UInt64.max), radix: 16) }
