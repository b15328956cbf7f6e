import ShipyardModel
import Testing

@testable import ShipyardTables

@Suite struct CSVTests {
    static let good: [(String, [[String?]])] = [
        ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        ("a,b\r\n1,2\r\n3,4", [["a", "b"], ["1", "2"], ["3", "4"]]),
        ("\u{FEFF}a,b\n,\"\"\n", [["a", "b"], [nil, ""]]),
        ("a\n\"x\ny\r\nz\"\n", [["a"], ["x\ny\r\nz"]]),
        ("a,b\n\"say \"\"hi\"\", twice\"\"\",\"\"\"\"\n", [["a", "b"], ["say \"hi\", twice\"", "\""]]),
        ("a\n\n1\n\n", [["a"], [nil], ["1"], [nil]]),
        ("a,b\n1,2\n\n\r\n\n", [["a", "b"], ["1", "2"]]),
        ("a,b\n1,", [["a", "b"], ["1", nil]]),
        ("ä ö,\"b,c\"\n\u{1F600}, x \n", [["ä ö", "b,c"], ["\u{1F600}", " x "]]),
        ("a\n\"\"", [["a"], [""]]),
        ("\u{FEFF}\"a\",b\n1,2\n", [["a", "b"], ["1", "2"]]),
    ]

    /// In whatever pieces the bytes come, and however small the buffer begins.
    @Test func readsWhatTheStandardHas() throws {
        for (text, expected) in Self.good {
            for step in [1, 2, 3, 7, 1000] {
                for capacity in [4, 16, 4096] {
                    let found = try records(reader(Array(text.utf8), step: step, capacity: capacity))
                    #expect(found == expected, "\(text.debugDescription) by \(step) in \(capacity)")
                }
            }
        }
    }

    static let bad: [(String, String)] = [
        ("", "rows.csv is empty: there is no row with the names of its columns"),
        ("a,b\n1\n", "rows.csv, line 2, column `b`: the row has 1 field of 2"),
        ("a,b\n1,2\n1,2,3\n", "rows.csv, line 3: the row has 3 fields, and there are 2 columns"),
        ("a,b\n\"x\n\",2\n\n3,4\n", "rows.csv, line 4: the line is empty, and rows follow it"),
        ("a,b\n1,2\n\n3\n", "rows.csv, line 3: the line is empty, and rows follow it"),
        ("a,b\n1,\"x\n\n", "rows.csv, line 2, column `b`: the quote that opens the field is never closed"),
        ("a,b\n\"1\" ,2\n", "rows.csv, line 2, column `a`: something follows the closing quote"),
        ("a,b\n1,x\"y\n", "rows.csv, line 2, column `b`: a quote stands within a field that does not begin with one"),
        ("a,b\n1\r2,3\n", "rows.csv, line 2, column `a`: a carriage return stands alone"),
        ("a,b\n1,2\r", "rows.csv, line 2, column `b`: a carriage return stands alone"),
        ("a,b\n1,x\0y\n", "rows.csv, line 2, column `b`: there is a NUL byte in it"),
    ]

    @Test func namesLineAndColumnOfWhatIsNoCSV() {
        for (text, expected) in Self.bad {
            for step in [1, 1000] {
                #expect(message { _ = try records(reader(Array(text.utf8), step: step, capacity: 8)) } == expected)
            }
        }
    }

    @Test func refusesOtherEncodings() {
        let wrong: [[UInt8]] = [
            [0xE4], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80], [0xF8, 0x88, 0x80, 0x80],
            [0xE0, 0x80, 0x80], [0xF0, 0x80, 0x80, 0x80],
        ]
        for bytes in wrong {
            let text = Array("a,b\n1,2\nlong enough for words,x".utf8) + bytes + Array("\n".utf8)
            #expect(
                message { _ = try records(reader(text)) } == "rows.csv, line 3, column `b`: it is not in UTF-8", "\(bytes)")
        }
        for scalar in ["\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}"] {
            #expect(throws: Never.self) { try records(reader(Array("a\n\(scalar)\n".utf8))) }
        }
    }

    @Test func aRowHasAnEnd() {
        let endless = CSVReader(
            "rows.csv",
            { buffer in
                buffer.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "x"))
                return buffer.count
            }, capacity: 1 << 10, largestRecord: 1 << 20)
        #expect(message { _ = try records(endless) } == "rows.csv, line 1: the row is longer than 1 MiB")
        let wide = String(repeating: ",", count: 3000) + "\n"
        #expect(message { _ = try records(reader(Array(wide.utf8))) } == "rows.csv, line 1: the row has more than 2000 fields")
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let cells: [String?] = [
            nil, "", "plain", "a,b", "say \"x\"", "two\nlines", "cr\r", "\\.", "\u{FEFF}mark", "ünïcode", " spaces ", "0.10",
        ]
        var bytes: [UInt8] = []
        let writer = CSVWriter { bytes.append(contentsOf: $0) }
        try writer.begin(columns: ["\u{FEFF}odd", "a,b"])
        for left in cells {
            for right in cells {
                for cell in [left, right] {
                    try withBytes(of: Array((cell ?? "").utf8)) { bytes throws(TableError) in
                        try writer.cell(cell == nil ? .null : .text, bytes)
                    }
                }
                try writer.endRow()
            }
        }
        try writer.finish()
        let read = try records(reader(bytes, step: 5))
        #expect(read.first == ["\u{FEFF}odd", "a,b"])
        #expect(Array(read.dropFirst()) == cells.flatMap { left in cells.map { [left, $0] } })
    }

    static let values: [(ColumnType, good: [String], bad: [String])] = [
        (
            .integer, ["0", "-1", "+7", "9223372036854775807", "-9223372036854775808", "007"],
            ["", "-", "1.0", "9223372036854775808", "-9223372036854775809", "1e3", " 1", "1 ", "0x10", "１"]
        ),
        (
            .decimal, ["0", "-1.50", ".5", "5.", "1e10", "1E-7", "123456789012345678901234567890.123456789"],
            ["", ".", "-", "1,5", "NaN", "inf", "1e", "1e+", "1.2.3", "1e99999", "0x1p3", "1 "]
        ),
        (.real, ["1e300", "-0.0"], ["nan", "Infinity", "1.5x"]),
        (.boolean, ["true", "F", "yes", "N", "1", "0", "On", "off"], ["", "2", "ja", "truely", "tru"]),
        (
            .date, ["2026-11-26", "2024-02-29", "0001-01-01", "2000-02-29"],
            ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-11-31", "0000-01-01", "26-11-2026", "2026-1-1", "2026/11/26", "today", ""]
        ),
        (
            .timestamp,
            ["2026-11-26", "2026-11-26T10:30", "2026-11-26 10:30:59", "2026-11-26T10:30:00.123456Z", "2026-11-26T10:30:00+05:30", "2026-11-26 10:30-08", "2026-11-26T10:30:00+0530"],
            ["2026-11-26T", "2026-11-26T24:00", "2026-11-26T10:60", "2026-11-26T10:30:60", "2026-11-26T10:30:00.", "2026-11-26T10:30:00 UTC", "2026-11-26T10:30:00+5", "2026-11-26T10:30+16:00", "now", "2026-02-30T10:00", "2026-11-26T10:30:00+053:0"]
        ),
        (.text, ["", "anything"], []),
    ]

    @Test func valuesAreOfTheirTypes() throws {
        for (type, good, bad) in Self.values {
            for (texts, isGood) in [(good, true), (bad, false)] {
                for text in texts {
                    try withBytes(of: Array(text.utf8)) { bytes throws(TableError) in
                        #expect((CSVValue.problem(bytes, type) == nil) == isGood, "\(type) \(text)")
                    }
                }
            }
        }
        try withBytes(of: Array("-0012.3400e5".utf8)) { bytes throws(TableError) in
            #expect(CSVValue.significantDigits(bytes) == 4)
        }
    }
}

@Suite struct ConnectionTests {
    @Test func whatIsKnownOfAURLHasNoPassword() throws {
        let known: [(String, String)] = [
            ("sqlite:reports.db", "sqlite:reports.db"), ("sqlite:/srv/a b.db", "sqlite:/srv/a b.db"),
            ("postgresql://ada:se%2Fcret@db.example:5433/shop?sslmode=require&password=x", "postgresql://db.example:5433/shop"),
            ("postgres://ada:p@ss@db/shop", "postgresql://db/shop"),
            ("postgresql:///shop?host=/run/pg&user=ada&port=5", "postgresql:///shop?host=/run/pg&port=5"),
            ("postgresql://a:b@h1:1,h2:2/x", "postgresql://h1:1,h2:2/x"),
        ]
        for (url, place) in known { #expect(try SQLConnection(alias: "a", url: url).place == place) }
        let refused: [(String, SQLConnection.Problem)] = [
            ("mysql://x", .unknownScheme), ("", .unknownScheme), ("reports.db", .unknownScheme), ("sqlite:", .noPath),
            ("sqlite::memory:", .noPath), ("sqlite:///abs.db", .slashesAfterScheme), ("sqlite:../x.db", .leavesFolder),
            ("sqlite:a/../../x.db", .leavesFolder), ("postgresql://u:p/w@h/d", .unescaped), ("postgresql://u:p?w@h/d", .unescaped),
            ("sqlite:a\nb", .unreadable),
        ]
        for (url, problem) in refused {
            #expect(throws: problem) { try SQLConnection(alias: "a", url: url) }
        }
    }

    @Test func messagesAreMasked() {
        let mask = URLMask(Secret("postgresql://ada:se%2Fcret@h/d?sslpassword=k%26y"))
        #expect(mask.applied(to: "no se/cret, se%2Fcret or k&y for ada") == "no ***, *** or *** for ada")
        #expect(URLMask(Secret("sqlite:x")).applied(to: "a x") == "a x")
    }
}
