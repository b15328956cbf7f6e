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

    @Test func aPackageIsKeptOnceUnderItsHash() throws {
        tree.write("a.zip", "abc")
        tree.write("b.zip", "abc")
        let store = PackageStore(home: tree.path)
        let digest = try store.add("\(tree.path)/a.zip")
        #expect(digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(try store.add("\(tree.path)/b.zip") == digest)
        #expect(store.contains(digest) && !store.contains("0"))
        #expect(tree.names("packages") == [digest])
        #expect(tree.read("packages/\(digest)") == "abc")
    }

    @Test func manyMayAddOnePackageAtOnce() async throws {
        tree.write("a.zip", String(repeating: "abc", count: 20_000))
        let store = PackageStore(home: tree.path)
        let source = "\(tree.path)/a.zip"
        await withTaskGroup(of: String?.self) { group in
            for _ in 0..<8 { group.addTask { try? store.add(source) } }
            var digests: Set<String?> = []
            for await digest in group { digests.insert(digest) }
            #expect(digests.count == 1 && !digests.contains(nil))
        }
        #expect(tree.names("packages").count == 1)
    }

    @Test func whatNobodyNeedsIsSwept() throws {
        let store = PackageStore(home: tree.path)
        for name in ["a", "b"] { tree.write(name, name) }
        let (kept, other) = (try store.add("\(tree.path)/a"), try store.add("\(tree.path)/b"))
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

    @Test func whatIsNoFileIsRefused() {
        let store = PackageStore(home: tree.path)
        let missing = #expect(throws: StagingFailure.self) { try store.add("/nowhere/a.zip") }
        #expect(missing?.message == "the package /nowhere/a.zip cannot be read: No such file or directory")
        #expect(throws: StagingFailure.self) { try store.add(tree.path) }
        #expect(tree.names("packages").isEmpty)
    }

    @Test func variableNamesAreThoseOfAzureBatch() {
        #expect(
            ApplicationPackageVariable.name(id: "my-App.x#1", version: "2.8-rc")
                == "AZ_BATCH_APP_PACKAGE_my_App_x_1_2_8_rc")
        #expect(ApplicationPackageVariable.name(id: "blender") == "AZ_BATCH_APP_PACKAGE_blender")
    }
}
