extension PythonGenerator {
    /// What `python3` runs: it reads a request for each call and answers with a line for each row.
    ///
    /// The stream is moved away first, so that a module that prints does not print into the answers, and
    /// one that reads standard input finds it empty.
    static let script = #"""
        import importlib, json, os, sys, traceback
        requests = os.fdopen(os.dup(0), encoding='utf-8')
        answers = os.fdopen(os.dup(1), 'w', encoding='utf-8', errors='backslashreplace', newline='\n')
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)

        def escape(text):
            for plain, escaped in (('\\', '\\\\'), ('\t', '\\t'), ('\n', '\\n'), ('\r', '\\r'), ('\x1f', '\\f')):
                text = text.replace(plain, escaped)
            return text

        def encode(value):
            kind = type(value)
            if value is None:
                return 'n'
            if kind is bool:
                return 'b1' if value else 'b0'
            if kind is int:
                return 'i%d' % value
            if kind is float:
                return 'f' + repr(value)
            if kind is str:
                return 's' + escape(value)
            return 'o' + '\x1f'.join(escape(part) for part in (kind.__name__, str(value), repr(value)))

        def place(error):
            frames = traceback.extract_tb(error.__traceback__)
            frames = [frame for frame in frames if not frame.filename.startswith('<')]
            return '%s:%d' % (os.path.basename(frames[-1].filename), frames[-1].lineno) if frames else ''

        for line in requests:
            try:
                request = json.loads(line)
                module = importlib.import_module(request['module'], package=request['package'])
                for item in module.generate(*request['args'], **request['kwargs']):
                    answers.write('r' + '\t'.join([encode(value) for value in item]) + '\n')
                answers.write('.\n')
            except BrokenPipeError:
                os._exit(0)
            except BaseException as error:
                fields = type(error).__name__, str(error), place(error)
                answers.write('e' + '\t'.join(escape(field) for field in fields) + '\n')
            answers.flush()
        """#
}
