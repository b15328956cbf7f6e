/// A path, or one name of it, as the kernel has it: bytes, of which only NUL is impossible. Most are UTF-8, but a
/// task may write any.
package struct BytePath: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
    package init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    /// Takes back what `shown` made. A backslash that stands for nothing stands for itself.
    package init(shown text: String) {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            if rest.first == UInt8(ascii: "\\") {
                rest.removeFirst()
                bytes.append(byte)
            } else if rest.first == UInt8(ascii: "x"), rest.count >= 3,
                let escaped = hexadecimalByte(rest.dropFirst().prefix(2))
            {
                rest = rest.dropFirst(3)
                bytes.append(escaped)
            } else {
                bytes.append(byte)
            }
        }
        self.bytes = bytes
    }

    /// As text, from which `init(shown:)` makes the same bytes again: what is no UTF-8 is written `\xHH`, and a
    /// backslash is doubled.
    package var shown: String {
        var text = ""
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var position = 0
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let units):
                position += units.count
                let scalar = Unicode.UTF8.decode(units)
                text.unicodeScalars.append(contentsOf: scalar == "\\" ? ["\\", "\\"] : [scalar])
            case .error(let length):
                for byte in bytes[position..<position + length] { text += Self.escaped(byte) }
                position += length
            case .emptyInput: return text
            }
        }
    }

    /// For messages, on one line: as `shown`, and control characters escaped too.
    package var description: String {
        var text = ""
        for scalar in shown.unicodeScalars {
            if scalar.properties.generalCategory == .control {
                for byte in String(scalar).utf8 { text += Self.escaped(byte) }
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    private static func escaped(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
    }

    /// For a call of C; it ends at a NUL as C does, so whoever takes bytes from elsewhere refuses that first.
    package var cString: [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }

    /// The names between slashes.
    package var components: [BytePath] {
        bytes.split(separator: UInt8(ascii: "/")).map(BytePath.init(bytes:))
    }

    package var isEmpty: Bool { bytes.isEmpty }

    package static func / (path: BytePath, name: BytePath) -> BytePath {
        path.isEmpty ? name : BytePath(bytes: path.bytes + [UInt8(ascii: "/")] + name.bytes)
    }

    package static func < (left: BytePath, right: BytePath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
