"""A simulated tenant in a process of its own, and a person with a browser."""

import html
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import webbrowser

import requests

# The tenant accepts any client ID, and this secret from every application.
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
CLIENT_SECRET = "simulated-secret"


class Tenant:
    """Runs `alertdeck simulate --tls` and makes this process trust its certificate.

    The libraries find the certificate through environment variables: requests (MSAL,
    azure-identity) through REQUESTS_CA_BUNDLE, httpx (the Graph SDK) through SSL_CERT_FILE.
    """

    def __init__(self, program, *options):
        self._command = [program, "simulate", "--arrivals", "0", "--alerts", "300", *options]

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        certificate = str(pathlib.Path(self._folder.name, "tenant.pem"))
        self._process = subprocess.Popen(
            [*self._command, "--tls", certificate],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        # The address is printed once the certificate is written and the service listens.
        self.base = self._process.stdout.readline().strip()
        if not self.base.startswith("https://"):
            raise RuntimeError(f"the simulated tenant did not start: {' '.join(self._command)}")
        self.authority = f"{self.base}/contoso.com"
        self.scope = f"{self.base}/.default"
        os.environ.update(
            REQUESTS_CA_BUNDLE=certificate, SSL_CERT_FILE=certificate, NO_PROXY="127.0.0.1,localhost"
        )
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()


def approve_device(verification_uri, user_code):
    """Enters a device code on the page for it, and approves the sign-in."""
    form = {"user_code": user_code, "answer": "approve"}
    requests.post(verification_uri, data=form, timeout=20).raise_for_status()


class ScriptedBrowser(webbrowser.BaseBrowser):
    """Opens a sign-in page and submits the form on it, as a browser's script would."""

    def __init__(self):
        super().__init__("scripted")
        self.forms = 0

    def register(self):
        """Makes this the browser that Python programs open."""
        webbrowser.register("scripted", None, self, preferred=True)

    def open(self, url, new=0, autoraise=True):
        threading.Thread(target=self._sign_in, args=[url], daemon=True).start()
        return True

    def _sign_in(self, url):
        page = requests.get(url, timeout=20)
        form = re.search(r'<form method="post" action="([^"]*)">', page.text)
        if form is None:
            # The client asked for a redirect, which has been followed.
            return
        fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page.text)
        fields = {name: html.unescape(value) for name, value in fields}
        self.forms += 1
        requests.post(html.unescape(form[1]), data=fields, timeout=20)
