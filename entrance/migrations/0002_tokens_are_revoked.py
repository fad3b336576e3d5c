from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('entrance', '0001_first_release'),
    ]

    operations = [
        migrations.AlterField(
            model_name='personact',
            name='act',
            field=models.CharField(choices=[('make', 'an account is made'), ('give', 'a role is given'), ('take', 'a role is taken'), ('link', 'a link for a new password, which ends the second factor'), ('block', 'the account is blocked'), ('unblock', 'the account is opened again'), ('revoke', "the account's tokens are revoked")], max_length=10),
        ),
    ]
