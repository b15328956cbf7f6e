extension PythonGenerator {
    /// What `python3` runs: a supervisor, and a child that reads a request for each call and answers with a line
    /// for each row.
    ///
    /// The supervisor is the reaper of whatever its child starts (PR_SET_CHILD_SUBREAPER), so that nothing gets
    /// out of its sight, and ends all of it when our end of the stream closes or the child has ended.
    ///
    /// The stream is moved away first, so that a module that prints does not print into the answers, and
    /// one that reads standard input finds it empty. A row is not held back for longer than a second: the time
    /// without one is counted.
    static let script = #"""
        import os, sys
        os.chdir(sys.argv.pop())
        import select, signal, time

        def prctl(option, value):
            try:
                import ctypes
                ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
            except Exception:
                pass

        def descendants():
            parents = {}
            for name in os.listdir('/proc'):
                try:
                    with open('/proc/%d/stat' % int(name), 'rb') as file:
                        fields = file.read().rpartition(b')')[2].split()
                    parents.setdefault(int(fields[1]), []).append(int(name))
                except (ValueError, OSError, IndexError):
                    pass
            found, next = [], [os.getpid()]
            while next:
                children = parents.get(next.pop(), [])
                found += children
                next += children
            return found

        def reap():
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                pass

        def end():
            for stream in 0, 1:
                os.close(stream)
            while True:
                reap()
                left = descendants()
                if not left:
                    os._exit(0)
                for process in left:
                    try:
                        os.kill(process, signal.SIGKILL)
                    except OSError:
                        pass
                time.sleep(0.005)

        def supervise(worker, ended):
            watch = select.poll()
            watch.register(0, 0)
            watch.register(ended, select.POLLIN)
            while True:
                for stream, _ in watch.poll():
                    if stream == 0:
                        end()
                    os.read(ended, 4096)
                    try:
                        if os.waitpid(worker, os.WNOHANG)[0]:
                            end()
                    except ChildProcessError:
                        end()

        prctl(36, 1)
        ended, ending = os.pipe()
        os.set_blocking(ending, False)
        signal.set_wakeup_fd(ending)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        worker = os.fork()
        if worker:
            supervise(worker, ended)
        prctl(1, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(ended)
        os.close(ending)
        os.setpgid(0, 0)

        import importlib, json, traceback
        requests = os.fdopen(os.dup(0), encoding='utf-8')
        answers = os.fdopen(os.dup(1), 'w', encoding='utf-8', errors='backslashreplace', newline='\n')
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)

        class Unsendable(ValueError):
            pass

        def escape(text):
            for plain, escaped in (('\\', '\\\\'), ('\t', '\\t'), ('\n', '\\n'), ('\r', '\\r'), ('\x1f', '\\f')):
                text = text.replace(plain, escaped)
            return text

        def check(text):
            if '\0' in text:
                raise Unsendable('a value holds the character U+0000, which no process can be given')
            if not text.isascii() and any('\ud800' <= letter < '\ue000' for letter in text):
                raise Unsendable('a value holds half of a surrogate pair, which is no character')
            return escape(text)

        def base(value):
            # What format() formats: a subclass mostly has that of int, float or str.
            kind = type(value)
            if kind.__module__ == 'numpy' and hasattr(value, 'item'):
                plain = value.item()
                return encode(plain) if type(plain) in (bool, int, float, str) else None
            for known, plain in (int, int.__int__), (float, float.__float__), (str, str.__str__):
                if isinstance(value, known):
                    if kind.__format__ is known.__format__:
                        return encode(plain(value))
                    if getattr(kind.__format__, '__module__', '') == 'enum':
                        return encode(str.__str__(str(value)))
            return None

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
                return 's' + check(value)
            parts = [kind.__name__, str(value), repr(value)]
            plain = base(value)
            if plain is not None:
                parts.append(plain)
            return 'o' + '\x1f'.join(check(part) for part in parts)

        def place(error):
            if isinstance(error, SyntaxError) and error.filename:
                return '%s:%s' % (os.path.basename(error.filename), error.lineno)
            frames = traceback.extract_tb(error.__traceback__)
            frames = [frame for frame in frames if not frame.filename.startswith('<')]
            return '%s:%d' % (os.path.basename(frames[-1].filename), frames[-1].lineno) if frames else ''

        for line in requests:
            try:
                request = json.loads(line)
                module = importlib.import_module(request['module'], package=request['package'])
                flushed = rows = 0
                for item in module.generate(*request['args'], **request['kwargs']):
                    answers.write('r' + '\t'.join([encode(value) for value in item]) + '\n')
                    rows += 1
                    if time.monotonic() - flushed > 1:
                        answers.flush()
                        flushed = time.monotonic()
                answers.write('.%s %d\n' % (request['end'], rows))
            except BrokenPipeError:
                os._exit(0)
            except BaseException as error:
                what = error.msg if isinstance(error, SyntaxError) and error.filename else str(error)
                name = 'ValueError' if isinstance(error, Unsendable) else type(error).__name__
                fields = name, what, place(error)
                answers.write('e' + '\t'.join(escape(field) for field in fields) + '\n')
            answers.flush()
        """#
}
