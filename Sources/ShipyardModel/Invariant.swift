import Glibc

/// Ends the program: what `message` says can only be a programmer's error. Stays on in release builds,
/// because a wrong state written to disk is worse than a crash that recovery is built for.
package func invariantFailure(
    _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) -> Never {
    let text = "shipyard-swift: internal error: \(message()) (\(file):\(line))\n"
    _ = text.withCString { write(2, $0, strlen($0)) }
    abort()
}

package func invariant(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    guard condition else { invariantFailure(message(), file: file, line: line) }
}
