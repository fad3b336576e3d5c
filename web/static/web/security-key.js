// Asks the browser for a security key and sends its answer. Without this file there is the authenticator app.
(() => {
  const form = document.getElementById('key-form')
  if (!form || !window.PublicKeyCredential || !window.webauthnJSON) return
  form.hidden = false
  const button = document.getElementById('key-button')
  const problem = document.getElementById('key-problem')
  const data = JSON.parse(document.getElementById('key-data').textContent)
  button.addEventListener('click', async () => {
    problem.hidden = true
    button.disabled = true
    try {
      const answer = 'new' in button.dataset
        ? await window.webauthnJSON.create(data.creation_options)
        : await window.webauthnJSON.get(data.request_options)
      document.getElementById('key-answer').value = JSON.stringify(answer)
      form.submit()
    } catch (error) {
      button.disabled = false
      problem.hidden = false
    }
  })
})()
