import ShipyardStaging
import Testing

@Suite struct PackageStoreTests {
    let tree = TemporaryTree()

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func hashesAreThoseOfTheStandard(_ text: String, _ digest: String) {
        #expect(SHA256.hexDigest(of: Array(text.utf8)) == digest)
    }

    @Test func aHashDoesNotDependOnThePieces() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let whole = SHA256.hexDigest(of: bytes)
        for size in [1, 3, 63, 64, 65, 127, 500] {
            var hash = SHA256()
            for start in stride(from: 0, to: bytes.count, by: size) {
                bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { hash.update($0) }
            }
            #expect(hash.hexDigest() == whole)
        }
    }

    /// Sends `text` in pieces of `count` bytes; answers what the last one was answered.
    @discardableResult
    private func send(_ text: String, inPiecesOf count: Int = 4, as digest: String? = nil) throws
        -> PackageStore.Arrival
    {
        let bytes = Array(text.utf8)
        var last = PackageStore.Arrival.partial
        for start in stride(from: 0, to: max(bytes.count, 1), by: count) {
            last = try store.add(
                PackagePiece(
                    digest: digest ?? SHA256.hexDigest(of: bytes), name: "a.zip", offset: Int64(start),
                    size: Int64(bytes.count), bytes: Array(bytes[start..<min(start + count, bytes.count)])))
        }
        return last
    }

    private var store: PackageStore { PackageStore(home: tree.path) }

    @Test(arguments: [1, 2, 3, 100])
    func aPackageIsKeptOnceUnderItsHash(pieceBytes: Int) throws {
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        for _ in 0..<2 {
            guard case .whole = try send("abc", inPiecesOf: pieceBytes) else { return #expect(Bool(false)) }
        }
        #expect(store.contains(digest) && !store.contains("0"))
        #expect(tree.names("packages") == [digest])
        #expect(tree.read("packages/\(digest)") == "abc")
        guard case .whole = try send("") else { return #expect(Bool(false)) }
    }

    /// What is under a hash is what the hash says, and there whole or not at all.
    @Test func contentThatIsNotWhatItsNameSaysIsNotKept() throws {
        let digest = SHA256.hexDigest(of: Array("abcdefgh".utf8))
        guard case .different = try send("abcdefgX", as: digest) else { return #expect(Bool(false)) }
        #expect(tree.names("packages").isEmpty)
        // More than was said is not taken either.
        let long = PackagePiece(
            digest: digest, name: "a.zip", offset: 0, size: 3, bytes: Array("abcdefgh".utf8))
        guard case .different = try store.add(long) else { return #expect(Bool(false)) }
        #expect(tree.names("packages").isEmpty)
    }

    @Test func aPackageWhoseBeginningIsGoneBeginsAnew() throws {
        let bytes = Array("abcdefgh".utf8)
        let digest = SHA256.hexDigest(of: bytes)
        func piece(_ range: Range<Int>) -> PackagePiece {
            PackagePiece(
                digest: digest, name: "a.zip", offset: Int64(range.lowerBound), size: 8,
                bytes: Array(bytes[range]))
        }
        guard case .partial = try store.add(piece(0..<4)) else { return #expect(Bool(false)) }
        store.sweep { [] }
        guard case .interrupted = try store.add(piece(4..<8)) else { return #expect(Bool(false)) }
        guard case .partial = try store.add(piece(0..<2)) else { return #expect(Bool(false)) }
        // Not behind a hole.
        guard case .interrupted = try store.add(piece(4..<8)) else { return #expect(Bool(false)) }
        guard case .whole = try send("abcdefgh") else { return #expect(Bool(false)) }
        #expect(tree.read("packages/\(digest)") == "abcdefgh")
    }

    @Test func whatNobodyNeedsIsSwept() throws {
        for name in ["a", "b"] { try send(name) }
        let (kept, other) = (SHA256.hexDigest(of: [0x61]), SHA256.hexDigest(of: [0x62]))
        tree.write("packages/.package.part-1", "")
        tree.write("packages/notes", "")
        store.sweep { nil }
        #expect(tree.names("packages").count == 4)
        // Nobody names what is just being added.
        store.whileAdding { store.sweep { [kept] } }
        #expect(store.contains(other))
        store.sweep { [kept] }
        #expect(tree.names("packages") == [kept, "notes"].sorted())
        #expect(store.digest(ofPackageAt: store.path(of: kept)) == kept)
        #expect(store.digest(ofPackageAt: "/elsewhere/\(kept)") == nil)
    }

    @Test func variableNamesAreThoseOfAzureBatch() {
        #expect(
            ApplicationPackageVariable.name(id: "my-App.x#1", version: "2.8-rc")
                == "AZ_BATCH_APP_PACKAGE_my_App_x_1_2_8_rc")
        #expect(ApplicationPackageVariable.name(id: "blender") == "AZ_BATCH_APP_PACKAGE_blender")
    }
}
