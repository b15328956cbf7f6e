/// The forms a plan can be printed in.
package enum PlanFormat: String, Sendable, CaseIterable {
    case summary, jsonl, dot, mermaid
}
