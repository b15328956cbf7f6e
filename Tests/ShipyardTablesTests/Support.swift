import Foundation
import ShipyardModel
import Testing

@testable import ShipyardTables

/// A directory of a test's own, which goes with it.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = "/tmp/shipyard-tables-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ text: String, _ name: String = "rows.csv") throws -> TableFile {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        return TableFile(BytePath("\(path)/\(name)"), shown: name)
    }
}

/// A reader of `text` that gets so many bytes at a time.
func reader(_ bytes: [UInt8], step: Int = 1 << 20, capacity: Int = 256 << 10) -> CSVReader {
    var rest = bytes[...]
    return CSVReader(
        "rows.csv",
        { buffer in
            let count = min(step, buffer.count, rest.count)
            buffer.copyBytes(from: rest.prefix(count))
            rest = rest.dropFirst(count)
            return count
        }, capacity: capacity)
}

/// Every record as text; nil for NULL.
func records(_ reader: CSVReader) throws -> [[String?]] {
    var rows: [[String?]] = [try reader.readHeader()]
    while try reader.next() {
        // Asking twice changes nothing.
        for index in 0..<reader.fieldCount { _ = reader.content(index) }
        rows.append(
            (0..<reader.fieldCount).map { reader[$0].isNull ? nil : String(decoding: reader.content($0), as: UTF8.self) })
    }
    return rows
}

func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        return (error as? TableError)?.message ?? "\(error)"
    }
}

/// The rows of a query, as CSV without their header.
func rows(_ connection: any TableConnection, _ sql: String, _ values: [String] = []) throws -> String {
    var bytes: [UInt8] = []
    let writer = CSVWriter { bytes.append(contentsOf: $0) }
    try connection.query(sql, values, into: writer)
    try writer.finish()
    let text = String(decoding: bytes, as: UTF8.self)
    return String(text[(text.firstIndex(of: "\n").map { text.index(after: $0) } ?? text.endIndex)...])
}
