extension FormatTemplate {
    static func render(
        _ segments: [Segment], _ arguments: borrowing Arguments, to output: inout [UInt8]
    ) throws(PythonError) {
        for segment in segments {
            switch segment {
            case .literal(let bytes): output += bytes
            case .failure(let error): throw error
            case .field(let field): try render(field, arguments, to: &output)
            }
        }
    }

    private static func render(
        _ field: Field, _ arguments: borrowing Arguments, to output: inout [UInt8]
    ) throws(PythonError) {
        var value = try lookUp(field.source, arguments)
        for step in field.steps { value = try follow(step, from: value) }
        switch field.conversion {
        case .none: break
        case .str: value = .str(value.text)
        case .repr: value = .str(value.representation)
        case .ascii: value = .str(value.asciiRepresentation)
        case .failure(let error): throw error
        }
        switch field.specification {
        case .literal(let text): try value.append(formattedBy: text, to: &output)
        case .nested(let inner):
            var text: [UInt8] = []
            try render(inner, arguments, to: &text)
            let scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
            try value.append(formattedBy: scalars[...], to: &output)
        }
        guard output.count <= PlanLimits.commandBytes else {
            throw PythonError(.valueError, "command is longer than \(PlanLimits.commandBytes) bytes")
        }
    }

    private static func lookUp(
        _ source: Field.Source, _ arguments: borrowing Arguments
    ) throws(PythonError) -> PythonValue {
        switch source {
        case .position(let position):
            guard position < arguments.positions.count else { throw outOfRange(position) }
            return arguments.positions[position]
        case .keyword(let name):
            for keyword in arguments.keywords where keyword.name == name { return keyword.value }
            throw PythonError(.keyError, PythonText.quoted(name))
        }
    }

    private static func follow(_ step: Field.Step, from value: PythonValue) throws(PythonError) -> PythonValue
    {
        switch step {
        case .failure(let error): throw error
        case .attribute(let name):
            guard let result = value.attribute(name) else {
                let owner =
                    if case .type(let type) = value { "type object '\(type)'" } else {
                        "'\(value.typeName)' object"
                    }
                throw PythonError(.attributeError, "\(owner) has no attribute '\(name)'")
            }
            return result
        case .index(let index):
            guard case .str(let text) = value else { throw notSubscriptable(value) }
            guard let scalar = text.unicodeScalars.dropFirst(index).first else {
                throw PythonError(.indexError, "string index out of range")
            }
            return .str(String(scalar))
        case .key:
            guard case .str = value else { throw notSubscriptable(value) }
            throw PythonError(.typeError, "string indices must be integers, not 'str'")
        }
    }

    private static func notSubscriptable(_ value: PythonValue) -> PythonError {
        if case .type(let name) = value {
            return PythonError(.typeError, "type '\(name)' is not subscriptable")
        }
        return PythonError(.typeError, "'\(value.typeName)' object is not subscriptable")
    }
}

extension PythonValue {
    /// The attributes whose text is the same in every run. Methods print with an address in Python, so a
    /// command that names one is refused as if it did not exist.
    fileprivate func attribute(_ name: String) -> PythonValue? {
        if name == "__class__" { return .type(typeName) }
        switch (self, name) {
        case (.int, "real"), (.int, "numerator"), (.bigInt, "real"), (.bigInt, "numerator"), (.float, "real"):
            return self
        case (.bool(let value), "real"), (.bool(let value), "numerator"): return .int(value ? 1 : 0)
        case (.int, "imag"), (.bigInt, "imag"), (.bool, "imag"): return .int(0)
        case (.int, "denominator"), (.bigInt, "denominator"), (.bool, "denominator"): return .int(1)
        case (.float, "imag"): return .float(0)
        case (.type(let type), "__name__"), (.type(let type), "__qualname__"): return .str(type)
        case (.type, "__module__"): return .str("builtins")
        default: return nil
        }
    }
}
