import Testing

@testable import ShipyardCommands

@Suite struct RunGuardTests {
    @Test(arguments: [RunGuardCommand.Word.pool("p-1"), .job("j"), .holds(true), .holds(false), .done])
    func wordsAreReadAsTheyWereWritten(_ word: RunGuardCommand.Word) {
        #expect(RunGuardCommand.Word(line: word.line) == word)
    }

    @Test(arguments: ["", "pool", "pool a b", "job", "done now", "stay"]) func whatIsNoWordIsNone(_ line: String) {
        #expect(RunGuardCommand.Word(line: line) == nil)
    }
}
