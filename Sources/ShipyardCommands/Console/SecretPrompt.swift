import Glibc
import ShipyardModel
import ShipyardSystem

/// Asks at the terminal for what nobody may see, also not on the screen.
enum SecretPrompt {
    /// A passphrase, not a file.
    private static let longest = 4096

    static var canAsk: Bool { isatty(0) == 1 }

    /// Nil where nobody answers, or ctrl-C does.
    static func ask(_ question: String) -> Secret? {
        guard canAsk, let terminal = FileDescriptor(opening: "/dev/tty", O_RDWR | O_NOCTTY) else { return nil }
        var before = termios()
        guard tcgetattr(terminal.number, &before) == 0 else { return nil }
        var hidden = before
        // Ctrl-C is read as a character: the terminal must not be left without an echo.
        hidden.c_lflag &= ~tcflag_t(ECHO | ISIG)
        guard tcsetattr(terminal.number, TCSAFLUSH, &hidden) == 0 else { return nil }
        defer { tcsetattr(terminal.number, TCSAFLUSH, &before) }
        say("\(question): ", terminal.number)
        defer { say("\n", terminal.number) }
        return line(from: terminal.number)
    }

    private static func say(_ text: String, _ terminal: Int32) {
        _ = Array(text.utf8).withUnsafeBytes { writeAll($0, to: terminal) }
    }

    private static func line(from terminal: Int32) -> Secret? {
        var bytes = [UInt8](repeating: 0, count: longest)
        defer {
            bytes.withUnsafeMutableBytes { bytes in
                if let start = bytes.baseAddress { explicit_bzero(start, bytes.count) }
            }
        }
        var count = 0
        while count < longest {
            let got = bytes.withUnsafeMutableBytes { read(terminal, $0.baseAddress.map { $0 + count }, 1) }
            if got < 0, errno == EINTR { continue }
            guard got == 1, bytes[count] != 3 else { return nil }
            if bytes[count] == 0x0A { break }
            count += 1
        }
        return Secret(copying: bytes[..<count])
    }
}
