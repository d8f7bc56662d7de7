"""Two small pages as text: choosing a password, and signing in. They load nothing, and their policy says so."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from urllib.parse import urlsplit

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#16181d}
main{max-width:22rem;margin:8vh auto;background:#fff;padding:2rem;border:1px solid #d9dce3;border-radius:8px}
h1{font-size:1.3rem;margin:0 0 1rem}label{display:block;margin:.8rem 0 .2rem}
input{width:100%;box-sizing:border-box;font:inherit;padding:.5rem;border:1px solid #7b8291;border-radius:4px}
button{margin-top:1.2rem;width:100%;font:inherit;padding:.6rem;border:0;border-radius:4px;background:#1d4ed8;color:#fff}
[role=alert]{color:#a11212;min-height:1.5em;margin:1rem 0 0}
@media (prefers-color-scheme:dark){body{background:#14161a;color:#eceef2}main{background:#1e2127;border-color:#3a3f49}
input{background:#14161a;color:inherit}[role=alert]{color:#ff9c9c}}
"""
_SETUP_SCRIPT = """
const form=document.querySelector("form"),told=document.querySelector("[role=alert]");
const link=location.hash.slice(1),first=link.startsWith("setup-");
history.replaceState(null,"",location.pathname);
for(const one of document.querySelectorAll(".first")){one.hidden=!first;}
form.email.required=first;
if(!link){told.textContent="This page needs the whole link, with what stands behind the #.";}
form.addEventListener("submit",async(event)=>{
  event.preventDefault();
  if(form.password.value!==form.again.value){told.textContent="The two passwords differ.";return;}
  const sent={link:link};
  for(const name of ["email","firstName","lastName","password"]){sent[name]=form[name].value;}
  try{
    const answer=await fetch("setup",{method:"POST",headers:{"content-type":"application/json"},
      body:JSON.stringify(sent)});
    const read=await answer.json();
    if(answer.ok){
      form.hidden=true;
      told.textContent="Done. You can sign in as "+read.email+": portico login --user "+read.email;
    }else{told.textContent=read.errors[0].description;}
  }catch(failure){told.textContent="The server cannot be reached.";}
});
"""
_SETUP = """
<h1>Choose your password</h1>
<form method="post" autocomplete="on">
<div class="first"><label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="username"></div>
<label for="firstName">First name (optional)</label><input id="firstName" name="firstName" autocomplete="given-name">
<label for="lastName">Last name (optional)</label><input id="lastName" name="lastName" autocomplete="family-name">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required>
<label for="again">The password again</label>
<input id="again" name="again" type="password" autocomplete="new-password" required>
<button>Save</button></form>
<p role="alert"></p>
"""


@dataclass(frozen=True, slots=True)
class Page:
    """HTML, and the Content-Security-Policy that fits it."""

    html: str
    policy: str


def setup_page() -> Page:
    """The secret stays behind the `#` of the address, and is taken out of it at once."""
    return _page("Portico: choose your password", _SETUP, _SETUP_SCRIPT, "'none'")


def sign_in_page(asked: Mapping[str, str], refusal: str = "") -> Page:
    """`asked` is what the program wants back; it goes along in hidden fields."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items()
    )
    back = urlsplit(asked["redirect_uri"])
    body = f"""
<h1>Sign in</h1><p>You go on to {escape(back.netloc)}.</p>
<form method="post">{hidden}
<label for="username">E-mail address</label>
<input id="username" name="username" type="email" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button></form><p role="alert">{escape(refusal)}</p>
"""
    # Browsers hold the redirect after a form to the same rule as the form itself.
    return _page("Portico: sign in", body, "", f"'self' {back.scheme}://{back.netloc}")


def _page(title: str, body: str, script: str, forms: str) -> Page:
    scripts = f"<script>{script}</script>" if script else ""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main>{body}</main>{scripts}</body></html>"
    )
    policy = [
        "default-src 'none'",
        f"style-src '{_digest(_STYLE)}'",
        f"script-src '{_digest(script)}'" if script else "script-src 'none'",
        "connect-src 'self'",
        f"form-action {forms}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    return Page(html, "; ".join(policy))


def _digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()
