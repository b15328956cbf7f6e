import ShipyardModel
import Testing

struct TransferWordsTests {
    @Test func wordsThatHaveAMeaningAreUnderstood() throws {
        let words = try TransferWords(
            " --strip-components 2 --rename\t--no-overwrite --no-recursive --transfer-threads=7 --file-md5 --disk-threads 3 -q"
        )
        #expect(words.stripComponents == 2 && words.renames && !words.overwrites && !words.isRecursive)
        #expect(words.connections == 7)
        #expect(words.ignored == ["--file-md5", "--disk-threads", "-q"])
        #expect(try TransferWords("") == TransferWords())
        #expect(try TransferWords("--no-overwrite --overwrite").overwrites)
    }

    @Test(
        arguments: [
            ("--strip-component 1", "`--strip-component` is no option of blobxfer 1.9.4"),
            ("--strip-components", "`--strip-components` needs a value"),
            ("--strip-components x", "`--strip-components` takes a number of 0 to 1000, not `x`"),
            ("--strip-components -1", "`--strip-components` takes a number of 0 to 1000, not `-1`"),
            ("--delete", "`--delete` deletes files, and no transfer does that here"),
            ("--dry-run", "`--dry-run` would transfer nothing"),
            ("--rsa-public-key k", "`--rsa-public-key` encrypts what is stored, which is not done here"),
            ("--sas x", "`--sas` is what the transfer's own keys say"),
            ("file", "`file` is no option of blobxfer 1.9.4"),
            ("--rename=yes", "`--rename` takes no value"),
            ("--disk-threads", "`--disk-threads` needs a value"),
        ])
    func otherWordsAreRefused(_ text: String, _ message: String) {
        #expect(throws: TransferWords.Problem(message: message)) { try TransferWords(text) }
    }

    @Test(
        arguments: [
            (0, "a/b/c", "a/b/c"), (1, "a/b/c", "b/c"), (2, "a/b/c", "c"), (3, "a/b/c", "c"), (9, "c", "c"),
            (1, "a//b", "b"),
        ])
    func componentsAreStrippedButTheLast(_ count: Int, _ name: String, _ stripped: String) throws {
        #expect(
            try TransferWords("--strip-components \(count)").stripped(BytePath(name)) == BytePath(stripped))
    }

    private static let environment = ["A": "x y", "B_1": "$A", "EMPTY": ""]

    @Test(
        arguments: [
            ("$A/b", "x y/b"), ("${A}b", "x yb"), ("$Ab", ""), ("a$B_1-", "a$A-"), ("${EMPTY}x", "x"),
            ("~/x", "~/x"),
            ("a$", "a$"), ("a$/b", "a$/b"), (#"\$A\\\"\`\n"#, #"$A\"`\n"#), ("$ A", "$ A"), ("é$A", "éx y"),
            ("'$A'", "'x y'"),
        ])
    func variablesAreReplacedAsInDoubleQuotes(_ text: String, _ path: String) throws {
        let expanded = try ShellText(text).expanded { Self.environment[$0].map { Array($0.utf8) } }
        #expect(expanded == BytePath(path))
    }

    @Test(arguments: ["$(id)", "`id`", "a${A", "${A:-b}", "${}", "$1", "$?", "$$", "${1}", "$((1))"])
    func whatIsMoreThanAVariableIsRefused(_ text: String) {
        #expect(throws: ShellText.Problem.self) { try ShellText(text) }
    }

    @Test(arguments: ["plain/name", #"$A`b"c\d"#, "é$"])
    func aQuotedNameStandsForItself(_ name: String) throws {
        #expect(try ShellText(ShellText.quoted(name)).expanded { _ in Array("!".utf8) } == BytePath(name))
    }

    @Test func progressIsReadWholeOrNotAtAll() {
        let progress = TransferProgress(.upload, files: 1, bytes: -2, totalFiles: 3, totalBytes: .max)
        #expect(progress.record.count == TransferProgress.recordBytes)
        #expect(TransferProgress(.upload, record: progress.record + [1]) == progress)
        #expect(TransferProgress(.upload, record: progress.record.dropLast()) == nil)
        #expect(
            TransferProgress(
                .upload, record: Array(#"{"code":"FileUploadMiscError","message":"too long"}"#.utf8)) == nil)
    }

    @Test(
        arguments: [
            ("store:a/c/p/q", StoreReference("store:a/c/p/q")), ("store:a/c", nil), ("store:a//p", nil),
            ("a/c/p", nil),
        ])
    func resourceFilesOfStoresAreTold(_ text: String, _ reference: StoreReference?) {
        let source = BlobSource(text)
        #expect(source.stored == reference)
        #expect(source.isPath == (text == "a/c/p"))
        if let reference {
            #expect(reference.alias == "a" && reference.container == "c" && reference.name == "p/q")
        }
    }
}
