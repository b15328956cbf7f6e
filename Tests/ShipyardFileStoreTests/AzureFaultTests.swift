import Foundation
import ShipyardHTTPClient
import ShipyardModel
import TestSupport
import Testing

@testable import ShipyardFileStore

@Suite(.blocking, .enabled(if: AzureServer.isThere, "python3 is not installed")) struct AzureFaultTests {
    let server: AzureServer
    let store: AzureBlobStore
    let gauge = TransferGauge()
    let content = someBytes(2_000_000)
    let file = StorePath("data", BytePath("f"))

    init() throws {
        server = try AzureServer()
        store = try server.store(gauge)
        try store.makeContainer("data")
    }

    private func fault(_ kind: String, times: Int = 1, _ more: String = "") throws {
        try server.control(#"{"forget": true, "faults": [{"kind": "\#(kind)", "times": \#(times)\#(more)}]}"#)
    }

    private func prepare() throws {
        _ = try store.write(file, from: .bytes(content), FileAttributes())
        gauge.move(-gauge.movedBytes)
    }

    @Test func aStormOfRefusalsIsWaitedForAsTheServiceAsks() throws {
        try prepare()
        let start = Date()
        try fault("status", times: 2, #", "status": 503, "retry_after": 1"#)
        #expect(try store.stat(file)?.size == 2_000_000)
        #expect(Date().timeIntervalSince(start) >= 2)
        try fault("status", #", "status": 429, "code": "TooManyRequests""#)
        let source = try ScratchFile(content)
        _ = try store.write(file, from: source.stretch(), FileAttributes())
        #expect(try server.asked("PUT") == 2)
        #expect(gauge.movedBytes == 2_000_000)
        try fault("hangup", times: 2)
        #expect(try store.bytes(file, 0..<10) == Array(content[..<10]))
    }

    @Test func aTruncatedAnswerIsReadFromWhereItStopped() throws {
        try prepare()
        try fault("truncate", times: 2, #", "method": "GET", "bytes": 600000"#)
        #expect(try store.bytes(file) == content)
        #expect(try server.asked("GET") == 3)
        #expect(gauge.movedBytes == 2_000_000)
        let target = try ScratchFile()
        try fault("truncate", times: 2, #", "method": "GET", "bytes": 600000"#)
        try store.read(file, range: 5..<1_999_995, identity: nil, to: .file(target.descriptor, at: 0))
        #expect(try target.bytes() == Array(content[5..<1_999_995]))
    }

    @Test func anAnswerThatIsNotTheRangeIsNotTaken() throws {
        try prepare()
        for range: Range<Int64> in [0..<10, 10..<20] {
            try fault("whole")
            let target = try ScratchFile(someBytes(30, seed: 3))
            let error = failure {
                try store.read(
                    file, range: range, identity: nil, to: .file(target.descriptor, at: range.lowerBound))
            }
            #expect(error?.code == .internalError)
            #expect(try target.bytes() == someBytes(30, seed: 3))
        }
    }

    @Test func twoVersionsOfAFileAreNeverPutTogether() throws {
        try prepare()
        try fault("truncate", #", "method": "GET", "bytes": 600000"#)
        let other = try server.store()
        var isReplaced = false
        let error = failure {
            try store.read(
                file, range: nil, identity: nil,
                to: .receiver { _ in
                    if !isReplaced {
                        isReplaced =
                            (try? other.write(
                                file, from: .bytes(someBytes(2_000_000, seed: 2)), FileAttributes())) != nil
                    }
                    return true
                })
        }
        #expect(isReplaced)
        #expect(
            error?.description
                == "Azure account devstoreaccount1, data/f: the file is another one by now (ConditionNotMet)")
    }

    @Test func whatArrivesDamagedIsMovedAgain() throws {
        try prepare()
        let target = try ScratchFile()
        try fault("corrupt", #", "method": "GET""#)
        try store.read(file, range: nil, identity: nil, to: .file(target.descriptor, at: 0))
        #expect(try target.bytes() == content)
        #expect(gauge.movedBytes == 2_000_000)
        // All of the file by its range is as good.
        try fault("corrupt", #", "method": "GET""#)
        try store.read(file, range: 0..<2_000_000, identity: nil, to: .file(target.descriptor, at: 0))
        #expect(try target.bytes() == content)
        #expect(try server.asked("GET") == 2)
        // A receiver gives nothing back.
        try fault("corrupt", #", "method": "GET""#)
        #expect(failure { _ = try store.bytes(file) }?.code == .md5Mismatch)

        try fault("corrupt_request", #", "method": "PUT""#)
        let before = gauge.movedBytes
        let source = try ScratchFile(content)
        let stored = try store.write(file, from: source.stretch(), FileAttributes())
        #expect(try server.asked("PUT") == 2 && store.stat(file) == stored)
        #expect(gauge.movedBytes - before == 2_000_000)
        try fault("corrupt_request", #", "contains": "comp=block&""#)
        let partial = try store.beginParts(file, FileAttributes())
        let part = try store.writePart(1, of: partial, from: source.stretch())
        _ = try store.finish(partial, [part], FileAttributes())
        #expect(try store.bytes(file) == content)
        try fault("corrupt_request", times: 100, #", "method": "PUT""#)
        let error = failure { _ = try store.write(file, from: source.stretch(), FileAttributes()) }
        #expect(
            error?.description
                == "Azure account devstoreaccount1, data/f: another content has arrived than was sent (Md5Mismatch)"
        )
        #expect(try server.asked("PUT") == 3)
        #expect(try store.bytes(file) == content)
    }

    @Test func anAnswerThatIsLostIsAskedForAgain() throws {
        try fault("hangup_after", #", "method": "PUT", "contains": "comp=blocklist""#)
        let partial = try store.beginParts(file, FileAttributes())
        let part = try store.writePart(1, of: partial, from: .bytes(content))
        _ = try store.finish(partial, [part], FileAttributes())
        #expect(try store.bytes(file) == content)
        #expect(try server.asked("PUT", "blocklist") == 2)
        try fault("hangup_after", #", "method": "DELETE""#)
        try store.remove(file, identity: nil)
        #expect(try store.stat(file) == nil)
    }

    @Test func whoMayNotAskIsToldOnceAndAtOnce() throws {
        try prepare()
        func refused(_ store: AzureBlobStore, _ body: (AzureBlobStore) throws -> Void) throws -> String? {
            try server.forget()
            let error = failure { try body(store) }
            #expect(try server.asked().count == 1)
            let text = try #require(error?.description)
            #expect(!text.contains("sig") && !text.contains(AzureServer.key))
            return text.replacingOccurrences(of: "Azure account devstoreaccount1", with: "@")
        }
        let source = try ScratchFile(content)
        let wrong = try server.store(key: base64Text(Array("another key".utf8)))
        #expect(
            try refused(wrong) { _ = try $0.write(file, from: source.stretch(), FileAttributes()) }
                == "@, data/f: the service does not accept the account_key; "
                + "check that it is the key of this account and was not regenerated")
        #expect(
            try refused(try server.store(key: nil)) { _ = try $0.stat(file) }
                == "@, data/f: neither an account_key nor a SAS is known, and the service wants one")

        let expired = try server.store(sas: try sas("rwdl", until: "2020-01-02T03:04:05Z"))
        let again =
            "the SAS has expired at 2020-01-02T03:04:05Z; make a new one and put it into the credentials"
        #expect(try refused(expired) { _ = try $0.bytes(file) } == "@, data/f: \(again)")
        #expect(try refused(expired) { _ = try $0.stat(file) } == "@, data/f: \(again)")
        let reader = try server.store(sas: try sas("rl"))
        #expect(try reader.bytes(file) == content)
        #expect(
            try refused(reader) { try $0.remove(file, identity: nil) }
                == "@, data/f: the SAS lacks the permission for this (AuthorizationPermissionMismatch); "
                + "make a SAS that may do it, or use an account_key")
        #expect(
            try refused(reader) { _ = try $0.containers() }
                == "@: the service does not accept the SAS; check that it is whole, that it is for this container, "
                + "and that its key is still one of the account's")
        // Signed for a container alone, which is known to be there.
        try reader.makeContainer("data")
        #expect(failure { try reader.makeContainer("elsewhere") }?.code == .authenticationFailed)

        try server.control(#"{"clock_offset": 7200}"#)
        let skewed = try #require(try refused(store) { _ = try $0.bytes(file) })
        // The clocks of test and server tick between request and answer.
        #expect(
            (7199...7201).map {
                "@, data/f: this machine's clock is \($0) seconds behind the service's; set it right"
            }.contains(skewed))
        #expect(failure { _ = try store.stat(file) }?.code == .requestTimeTooSkewed)
    }

    /// "Create a service SAS": for the container `data`.
    private func sas(_ permissions: String, until end: String = "2100-01-01") throws -> String {
        let text = [
            permissions, "", end, "/blob/\(AzureServer.account)/data", "", "", "", "2021-12-02", "c", "", "",
            "", "", "", "", "",
        ].joined(separator: "\n")
        let key = try #require(base64Bytes(AzureServer.key.utf8))
        let signature = try key.withUnsafeBytes { try Digest.authentication(of: Array(text.utf8), key: $0) }
        return "sp=\(permissions)&se=\(azurePercentEncoded(end.utf8))&sv=2021-12-02&sr=c&sig="
            + azurePercentEncoded(base64Text(signature).utf8)
    }

    @Test func aCopyBySignatureHasOneForItsSource() throws {
        try prepare()
        let store = try server.store(sas: try sas("rwl"))
        let copied = try store.copy(file, to: StorePath("data", BytePath("copy")))
        #expect(copied.size == 2_000_000)
    }

    @Test func aTransferThatIsEndedSendsNothingMore() throws {
        try prepare()
        let error = failure {
            try store.read(
                file, range: nil, identity: nil,
                to: .receiver { _ in
                    gauge.cancel()
                    return true
                })
        }
        #expect(error?.code == .operationCancelled)
        try server.forget()
        #expect(failure { _ = try store.stat(file) }?.code == .operationCancelled)
        #expect(try server.asked().isEmpty)
    }

    /// A service that refuses by the head of a request does not wait for its body.
    @Test func aRefusalInTheMiddleOfABodyIsHeard() throws {
        let source = try ScratchFile(someBytes(8 << 20))
        try fault("early", #", "method": "PUT", "status": 403, "code": "AuthorizationPermissionMismatch""#)
        let error = failure { _ = try store.write(file, from: source.stretch(), FileAttributes()) }
        #expect(error?.code == .authorizationFailure)
        #expect(try server.asked("PUT") == 1)
    }

    @Test func anAccountThatIsFullIsToldAtOnce() throws {
        try fault("status", times: 100, #", "status": 507, "code": "InsufficientAccountSpace""#)
        let error = failure { _ = try store.write(file, from: .bytes([1]), FileAttributes()) }
        #expect(
            error?.description == "Azure account devstoreaccount1, data/f: InsufficientAccountSpace")
        #expect(error?.code == .insufficientSpace)
        #expect(try server.asked("PUT") == 1)
    }

    @Test func whatCannotBeReachedIsToldWithTheFile() throws {
        var account = server.account()
        account.endpoint = "ftp-no-host.invalid"
        let store = try AzureBlobStore(account, StorageKeys(sas: Secret("sig=secret")), TransferGauge())
        let error = failure { _ = try store.stat(file) }
        #expect(error?.code == .unreachable)
        #expect(
            error?.message.hasPrefix(
                "Azure account devstoreaccount1, data/f: https://devstoreaccount1.blob.ftp-no-host.invalid/data/f: "
            ) == true)
        #expect(error?.description.contains("secret") == false)
    }
}
