import Glibc
import ShipyardModel
import Testing

@testable import ShipyardService

@Suite struct LocalFilesTests {
    private let home: String

    init() {
        var template = Array("/tmp/shipyard-tree-XXXXXX".utf8CString)
        home = String(cString: mkdtemp(&template)!)
        mkdir(home + "/root", 0o700)
    }

    private func write(_ path: String, _ text: String = "text") {
        let file = fopen("\(home)/root/\(path)", "w")!
        fputs(text, file)
        fclose(file)
    }

    private func tree() -> FileTree { FileTree(home: home, path: "root") }

    private func bytes(_ opened: LocalOpenFile) throws -> Int {
        var count = 0
        while count < opened.size {
            let most = min(Int(opened.size) - count, 65_536)
            count += try opened.read(at: Int64(count), atMost: most).count
        }
        return count
    }

    @Test func whatIsNotListedIsSaid() {
        for name in ["a", "b", "c", "d"] { write(name) }
        #expect(
            tree().list().entries.map(\.path.shown) == ["a", "b", "c", "d"] && tree().list().leftOut == [])
        var short = tree()
        short.listingLimit = 3
        #expect(short.list().entries.map(\.path.shown) == ["a", "b", "c"])
        #expect(short.list().leftOut == ["more than 3 files: the rest is not listed"])
        mkdir(home + "/root/e", 0o700)
        mkdir(home + "/root/e/f", 0o700)
        write("e/f/g")
        var flat = tree()
        flat.depthLimit = 2
        #expect(flat.list().entries.map(\.path.shown).suffix(2) == ["e", "e/f"])
        #expect(flat.list().leftOut == ["e/f: deeper than 2 directories nothing is listed"])
    }

    /// An answer has the length that was said first: a file that grows ends there, one that shrinks is an error.
    @Test func aFileThatChangesWhileItIsReadIsNotTakenForWhole() throws {
        write("f", String(repeating: "x", count: 100_000))
        let growing = try tree().open(BytePath("f"))
        write("f", String(repeating: "x", count: 200_000))
        #expect(try bytes(growing) == 100_000)
        let shrinking = try tree().open(BytePath("f"))
        write("f", String(repeating: "x", count: 70_000))
        #expect(throws: FileFailure.self) { try bytes(shrinking) }
    }

    @Test func onlyFilesAreOpened() {
        write("f")
        symlink("f", home + "/root/link")
        mkfifo(home + "/root/pipe", 0o600)
        for name in ["link", "pipe", ".", "..", "../root/f", "f/", "none", ""] where name != "f/" {
            #expect(throws: FileFailure.self, "\(name)") { try tree().open(BytePath(name)) }
        }
        #expect(tree().list().entries.map(\.kind) == [.file, .link, .special])
    }

    /// A removal that was under way when the service was killed goes on when its node is asked for again: no orphan, and not to be disturbed.
    @Test func whatARemovalHasMovedAsideIsItsNodes() {
        let layout = HomeLayout(home)
        for path in ["nodes", "nodes/p", "nodes/p/.removed-node-1-0123456789abcdef", "nodes/p/.removed-node-1-2-00ff"] {
            mkdir("\(home)/\(path)", 0o700)
        }
        let found = OrphanedNode.all(below: layout)
        let orphans = { (known: Set<[String]>) in
            found.filter { !$0.isOf(known) }.map { String($0.root.split(separator: "/").last!) }.sorted()
        }
        #expect(orphans([["p"], ["p", "node-1"]]) == [".removed-node-1-2-00ff"])
        #expect(orphans([["p"], ["p", "node-1-2"]]) == [".removed-node-1-0123456789abcdef"])
        #expect(orphans([["p"], ["p", "0123456789abcdef"]]).count == 2)
        #expect(orphans([["q"], ["q", "node-1"]]).count == 2)
        // It lies aside already. Under yet another name no later removal would know whose it was.
        for orphan in found { #expect(orphan.movedAside()?.root == orphan.root) }
    }
}
