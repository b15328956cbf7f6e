import Glibc
import ShipyardModel

/// A file's name or path as the kernel has it: bytes without a zero, in no encoding.
///
/// A name that was made into text and back may be another name. So names that come from a directory stay bytes
/// until they are shown.
package struct FileName: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
    package init(_ text: String) { bytes = Array(text.utf8) }

    /// What `readdir` has found.
    init(_ entry: UnsafeMutablePointer<dirent>) {
        bytes = withUnsafeBytes(of: &entry.pointee.d_name) { name in Array(name.prefix { $0 != 0 }) }
    }

    /// Of an open directory, without `.` and `..`; of one type only, such as `DT_DIR`, where the file system tells it.
    static func entries(of directory: Int32, type: Int? = nil) -> [FileName] {
        let number = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0, let stream = fdopendir(number) else { return [] }
        defer { closedir(stream) }
        var found: [FileName] = []
        while let entry = readdir(stream) {
            let name = FileName(entry)
            guard !name.isSpecial, type.map({ entry.pointee.d_type == UInt8($0) }) ?? true else { continue }
            found.append(name)
        }
        return found
    }

    static func / (directory: FileName, name: FileName) -> FileName {
        FileName(directory.bytes + [UInt8(ascii: "/")] + name.bytes)
    }

    var isSpecial: Bool { bytes == [0x2E] || bytes == [0x2E, 0x2E] }

    /// Whether this is a path below `directory`.
    func isBelow(_ directory: FileName) -> Bool {
        bytes.count > directory.bytes.count && bytes.starts(with: directory.bytes)
            && bytes[directory.bytes.count] == UInt8(ascii: "/")
    }

    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bytes.count + 1) { space in
            for (index, byte) in bytes.enumerated() { space[index] = CChar(bitPattern: byte) }
            space[bytes.count] = 0
            guard let start = space.baseAddress else { invariantFailure("room for one byte at least") }
            return body(start)
        }
    }

    /// Fit for one line: what is no UTF-8, and control characters, as `\xNN`; a backslash twice.
    package var description: String {
        var text = ""
        var rest = bytes[...]
        while let byte = rest.first {
            let length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
            let scalar = String(validating: rest.prefix(length), as: UTF8.self)
            if let scalar, byte >= 0x20, byte != 0x7F, !(byte == 0xC2 && rest[rest.startIndex + 1] < 0xA0) {
                text += scalar == "\\" ? "\\\\" : scalar
                rest = rest.dropFirst(length)
            } else {
                let digits = String(byte, radix: 16)
                text += digits.utf8.count == 1 ? "\\x0\(digits)" : "\\x\(digits)"
                rest = rest.dropFirst()
            }
        }
        return text
    }
}
