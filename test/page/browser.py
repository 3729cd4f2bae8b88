# SPDX-License-Identifier: MIT
"""A headless Chromium on a pipe: no port, no driver, no package. Chrome DevTools Protocol over file descriptors 3 and 4."""
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ('chromium', 'chromium-browser', 'google-chrome')


class Broken(Exception):
    """The browser did not do what it was told."""


def find():
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One browser with one page. Events are kept until they are asked for."""

    def __init__(self, timeout_s=60):
        self.timeout_s = timeout_s
        self.folder = tempfile.mkdtemp(prefix='page-')
        to_read, self.to = os.pipe()
        self.back, from_write = os.pipe()
        program = find()
        if program is None:
            raise Broken('there is no Chromium')
        words = [program, '--headless=new', '--remote-debugging-pipe', f'--user-data-dir={self.folder}', '--no-first-run',
                 '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking', '--disable-component-update',
                 '--disable-extensions', '--hide-scrollbars', '--force-color-profile=srgb', 'about:blank']
        if os.geteuid() == 0:
            words.insert(1, '--no-sandbox')  # Chromium refuses root with it
        # it wants to read from 3 and to write to 4
        self.process = subprocess.Popen(['sh', '-c', f'exec "$@" 3<&{to_read} 4>&{from_write}', 'sh', *words],
                                        pass_fds=(to_read, from_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True,
                                        env={**os.environ, 'XDG_CACHE_HOME': self.folder, 'XDG_CONFIG_HOME': self.folder})
        os.close(to_read)
        os.close(from_write)
        self.bytes, self.number, self.events, self.session = b'', 0, [], None
        targets = self.call('Target.getTargets')['targetInfos']
        target = next(t['targetId'] for t in targets if t['type'] == 'page')
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Log', 'Network', 'DOM'):
            self.call(domain + '.enable')

    def close(self):
        try:
            session, self.session = self.session, None
            self.call('Browser.close')
            del session
        except (Broken, OSError):
            self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        for _ in range(50):  # its children may still be writing
            shutil.rmtree(self.folder, ignore_errors=True)
            if not pathlib.Path(self.folder).exists():
                break
            time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _receive(self, end):
        while b'\0' not in self.bytes:
            if not select.select([self.back], [], [], max(0, end - time.monotonic()))[0]:
                raise Broken('the browser does not answer')
            got = os.read(self.back, 1 << 20)
            if not got:
                raise Broken('the browser has ended')
            self.bytes += got
        message, _, self.bytes = self.bytes.partition(b'\0')
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            message['sessionId'] = self.session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.to, data):]
        end = time.monotonic() + self.timeout_s
        while True:
            answer = self._receive(end)
            if answer.get('id') == self.number:
                if 'error' in answer:
                    raise Broken(f'{method}: {answer["error"]["message"]}')
                return answer['result']
            if 'method' in answer:
                self.events.append(answer)

    def wait_for(self, method):
        end = time.monotonic() + self.timeout_s
        while True:
            for i, event in enumerate(self.events):
                if event['method'] == method:
                    return self.events.pop(i)
            answer = self._receive(end)
            if 'method' in answer:
                self.events.append(answer)

    def open(self, url):
        self.events.clear()
        answer = self.call('Page.navigate', url=url)
        if answer.get('errorText'):
            raise Broken(f'{url}: {answer["errorText"]}')
        self.wait_for('Page.loadEventFired')

    def run(self, script):
        """The value of an expression in the page."""
        answer = self.call('Runtime.evaluate', expression=script, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            details = answer['exceptionDetails']
            raise Broken(details.get('exception', {}).get('description', details['text']))
        return answer['result'].get('value')

    def size(self, width, height):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def prefer(self, scheme, media=''):
        self.call('Emulation.setEmulatedMedia', media=media, features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def picture(self, path, clip=None):
        params = {'format': 'png', 'captureBeyondViewport': clip is not None}
        if clip is not None:
            x, y, width, height = clip
            params['clip'] = {'x': x, 'y': y, 'width': width, 'height': height, 'scale': 1}
        pathlib.Path(path).write_bytes(base64.b64decode(self.call('Page.captureScreenshot', **params)['data']))
