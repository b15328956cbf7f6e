import Glibc
import ShipyardModel
import ShipyardSystem

/// The environment of what runs on a node, as its agent makes it, for somebody who steps in beside it.
package struct NodeSurroundings {
    private let node: NodeEnvironment

    /// - Parameter options: as of the node's agent; its root as the kernel spells it.
    package init(_ options: NodeAgentOptions) {
        node = NodeEnvironment(root: options.root, options: options)
    }

    /// Of a piece of work: its directory, and `NAME=value` with a NUL after each.
    package func place(of order: WorkOrder, _ context: WorkContext) -> (directory: String, environment: Secret) {
        let parent = context.parentDirectory
        let directory = parent.isEmpty ? "\(node.root)/\(order.name)" : "\(node.root)/\(parent)/\(order.name)"
        var block = StringBlock()
        let environment = ContextState(context, on: node).withEnvironment(
            of: order, in: directory, exposing: order.secrets, &block
        ) { Secret(joining: $0) }
        return (directory, environment)
    }

    /// Of the node itself, with what the context adds.
    package func ofNode(_ context: WorkContext) -> Secret {
        var variables = (node.variables + context.environment).filter { $0.name != "PATH" }
        variables.append(("PATH", "\(node.searchPath):\(node.root)/shared"))
        variables.append(("HOME", node.root))
        variables.append(("PWD", node.root))
        return Secret(copying: variables.flatMap { Array("\($0.name)=\($0.value)\0".utf8) })
    }
}

extension Secret {
    /// Strings with a NUL after each.
    fileprivate init(joining strings: ProcessSpawner.Strings) {
        var bytes: [UInt8] = []
        var next = strings
        while let text = next.pointee {
            var byte = text
            while byte.pointee != 0 {
                bytes.append(UInt8(bitPattern: byte.pointee))
                byte += 1
            }
            bytes.append(0)
            next += 1
        }
        self.init(copying: bytes)
        // The copy that was made on the way.
        bytes.withUnsafeMutableBytes { copy in
            if let start = copy.baseAddress { explicit_bzero(start, copy.count) }
        }
    }
}
