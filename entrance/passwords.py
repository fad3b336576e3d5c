"""What a password has to be, said in the reader's language."""

from __future__ import annotations

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.utils.translation import gettext as _


class LongEnough(MinimumLengthValidator):
    """Django has the sentence for one that is too short neither in Finnish nor in Swedish."""

    def get_error_message(self) -> str:
        return _("The password is too short: at least %(n)d characters.") % {"n": self.min_length}
